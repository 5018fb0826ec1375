"""The name servers of the mini-Internet: authorities, resolvers, and the stub that every host has."""

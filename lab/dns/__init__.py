"""The name servers and resolvers of the mini-Internet."""

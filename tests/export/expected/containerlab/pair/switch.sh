# One bridge for all hosts, in the switch's own network.
ip link add lab type bridge
ip link set lab up
for port in $(seq 1 9); do ip link set "eth$port" master lab up; done

# shellcheck shell=bash
# Two network namespaces that a pair of virtual devices joins: what stands for two hosts on one machine. Source it; root alone can
# make namespaces.
#
#   make_two_hosts MPIRUN   afterwards $two_hosts/mpirun starts ranks in both, the first rank in the first; else $no_two_hosts says why not
#   bytes_received          by the second one so far
#   limit_rate RATE         of both devices, as tc has it: 100mbit

make_two_hosts() {
  local mpirun=$1 number=0 side
  hosts_tag=mdx$$
  hosts_network=10.77.$((RANDOM % 250)).
  no_two_hosts=
  ((EUID == 0)) || { no_two_hosts="network namespaces take root" && return 1; }
  command -v ip >/dev/null || { no_two_hosts="there is no ip (package iproute2)" && return 1; }
  two_hosts=$(mktemp -d)
  trap remove_two_hosts EXIT
  if ! ip netns add "${hosts_tag}a" || ! ip netns add "${hosts_tag}b" ||
    ! ip link add "${hosts_tag}va" netns "${hosts_tag}a" type veth peer name "${hosts_tag}vb" netns "${hosts_tag}b"; then
    no_two_hosts="this machine lets nobody make a network namespace"
    return 1
  fi 2>/dev/null
  for side in a b; do
    number=$((number + 1))
    ip -n "$hosts_tag$side" addr add "$hosts_network$number/24" dev "${hosts_tag}v$side"
    ip -n "$hosts_tag$side" link set lo up
    ip -n "$hosts_tag$side" link set "${hosts_tag}v$side" up
  done

  # In place of ssh: AGENT HOST COMMAND... runs the command in the namespace that has the address HOST.
  cat >"$two_hosts/agent" <<END
#!/bin/sh
host=\$1
shift
case \$host in
  ${hosts_network}1) exec ip netns exec ${hosts_tag}a sh -c "\$*" ;;
  ${hosts_network}2) exec ip netns exec ${hosts_tag}b sh -c "\$*" ;;
esac
exit 1
END
  cat >"$two_hosts/mpirun" <<END
#!/bin/sh
exec ip netns exec ${hosts_tag}a "$mpirun" --host ${hosts_network}1:1,${hosts_network}2:1 \\
  --mca plm_rsh_agent "$two_hosts/agent" --mca btl tcp,self \\
  --mca oob_tcp_if_include ${hosts_network}0/24 --mca btl_tcp_if_include ${hosts_network}0/24 "\$@"
END
  chmod +x "$two_hosts/agent" "$two_hosts/mpirun"
}

remove_two_hosts() {
  ip netns del "${hosts_tag}a" 2>/dev/null || true
  ip netns del "${hosts_tag}b" 2>/dev/null || true
  rm -rf "$two_hosts"
}

bytes_received() {
  ip netns exec "${hosts_tag}b" cat "/sys/class/net/${hosts_tag}vb/statistics/rx_bytes"
}

limit_rate() {
  local side
  for side in a b; do
    ip netns exec "$hosts_tag$side" tc qdisc replace dev "${hosts_tag}v$side" root tbf rate "$1" burst 256kb latency 200ms
  done
}

/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Constants which the kernel's headers define as macros. BTF has no macros, so vmlinux.h cannot
 * have them, and the headers cannot be included beside it: both define the same types.
 */
#ifndef XGRE_UAPI_MACROS_H
#define XGRE_UAPI_MACROS_H

/* linux/pkt_cls.h: what a TC program returns */
#define TC_ACT_UNSPEC (-1)
#define TC_ACT_OK 0
#define TC_ACT_SHOT 2
#define TC_ACT_REDIRECT 7

/* linux/if_ether.h: lengths, and EtherTypes in host order */
#define ETH_ALEN 6
#define ETH_HLEN 14
#define ETH_DATA_LEN 1500 /* what is above is an EtherType and no length */
#define ETH_P_IP 0x0800
#define ETH_P_ARP 0x0806
#define ETH_P_TEB 0x6558
#define ETH_P_8021Q 0x8100
#define ETH_P_IPV6 0x86DD
#define ETH_P_8021AD 0x88A8

/* linux/if_vlan.h: fields of a VLAN tag's TCI */
#define VLAN_VID_MASK 0x0fff
#define VLAN_PRIO_MASK 0xe000
#define VLAN_PRIO_SHIFT 13

/* linux/in.h, linux/in6.h: IP protocols and IPv6 next headers */
#define IPPROTO_HOPOPTS 0
#define IPPROTO_ICMP 1
#define IPPROTO_TCP 6
#define IPPROTO_UDP 17
#define IPPROTO_ROUTING 43
#define IPPROTO_FRAGMENT 44
#define IPPROTO_GRE 47
#define IPPROTO_AH 51
#define IPPROTO_ICMPV6 58
#define IPPROTO_DSTOPTS 60
#define IPPROTO_MH 135
#define IPPROTO_HIP 139   /* RFC 7401 */
#define IPPROTO_SHIM6 140 /* RFC 5533 */

/* net/ip.h: the flags and the offset in iphdr.frag_off, in host order */
#define IP_CE 0x8000
#define IP_DF 0x4000
#define IP_MF 0x2000
#define IP_OFFSET 0x1fff

/* linux/if_packet.h: __sk_buff.pkt_type */
#define PACKET_HOST 0
#define PACKET_BROADCAST 1
#define PACKET_MULTICAST 2
#define PACKET_OTHERHOST 3

/* linux/net_namespace: loopback is the first device of every network namespace */
#define LOOPBACK_IFINDEX 1

/* sys/socket.h */
#define AF_INET 2
#define AF_INET6 10

/* time.h: bpf_timer_init's clock */
#define CLOCK_MONOTONIC 1
#define CLOCK_BOOTTIME 7

/* asm-generic/errno-base.h, errno.h: what helpers return, negated */
#define ENOENT 2
#define E2BIG 7
#define ENOMEM 12
#define EBUSY 16
#define EEXIST 17
#define EALREADY 114
#define ENODEV 19
#define EINVAL 22
#define ENOSPC 28
#define EDQUOT 122
#define ENOTSUPP 524 /* of the kernel alone: include/linux/errno.h */

#endif

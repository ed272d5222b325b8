/*
 * uapi - words of the kernel's BPF interface that older headers lack.
 *
 * Prefixed, so that they stand beside newer headers which have them. Whether the running kernel
 * knows them is found by trying.
 */
#ifndef RL_NET_BPF_UAPI_H
#define RL_NET_BPF_UAPI_H

#define RL_BPF_TCX_INGRESS 46 /* enum bpf_attach_type, Linux 6.6 */
#define RL_BPF_TCX_EGRESS 47
#define RL_BPF_F_MMAPABLE (1U << 10)            /* map: may be mapped into the process, 5.5 */
#define RL_BPF_F_TEST_XDP_LIVE_FRAMES (1U << 1) /* test run: frames really leave, 5.18 */
#define RL_TCX_NEXT (-1)                        /* enum tcx_action_base */

#define RL_CAP_NET_ADMIN 12 /* linux/capability.h */
#define RL_CAP_SYS_ADMIN 21
#define RL_CAP_BPF 39 /* 5.8 */

#endif

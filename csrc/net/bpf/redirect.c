#include "net/bpf/redirect.h"

#include <errno.h>
#include <string.h>

#include "net/bpf/impair.h"
#include "net/bpf/impair_inner.h"
#include "net/bpf/parse.h"

/* What is asked first knows the frame; then the port, in `port`, decides. */
static void choose(struct rl_bpf_code *c, const struct rl_redirect_config *config, uint8_t port)
{
    for (uint32_t i = 0; i < config->n_ports; i++)
        rl_bpf_jump_if(c, BPF_JEQ, port, rl_on_wire(config->ports[i]), "redirect");
    rl_bpf_jump(c, config->n_ports == 0 ? "redirect" : "pass");
}

static int load(const struct rl_redirect *r, const struct rl_redirect_config *config,
                char why[RL_BPF_WHY])
{
    struct bpf_insn insns[RL_BPF_MAX_INSNS];
    struct rl_bpf_code code, *c = &code;

    rl_bpf_start(c, insns, RL_COUNT(insns));
    rl_bpf_begin_xdp(c);
    if (config->impair != NULL) {
        rl_bpf_parse(c, config->n_ports == 0 ? "redirect" : "pass");
        rl_impair_emit_xdp(c, config->impair, "drop");
        choose(c, config, BPF_REG_7);
        rl_bpf_label(c, "drop");
        rl_bpf_return(c, XDP_DROP);
    } else if (config->n_ports != 0) {
        rl_bpf_parse(c, "pass");
        choose(c, config, RL_R_PORT);
    }
    rl_bpf_label(c, "redirect");
    rl_bpf_load_from(c, RL_BPF_U32, BPF_REG_2, RL_R_CONTEXT,
                     offsetof(struct xdp_md, rx_queue_index));
    rl_bpf_load_map(c, BPF_REG_1, r->map_fd);
    rl_bpf_set(c, BPF_REG_3, XDP_PASS); /* when the queue has no socket */
    rl_bpf_call(c, BPF_FUNC_redirect_map);
    rl_bpf_exit(c);
    if (config->n_ports != 0) {
        rl_bpf_label(c, "pass");
        rl_bpf_return(c, XDP_PASS);
    }
    return rl_bpf_load_code(c, BPF_PROG_TYPE_XDP, "rl_redirect", why);
}

static int open_map(uint32_t n_queues, char why[RL_BPF_WHY])
{
    struct rl_bpf_map_spec spec = {.type = BPF_MAP_TYPE_XSKMAP,
                                   .n_bytes_key = 4,
                                   .n_bytes_value = 4,
                                   .n_entries = n_queues,
                                   .name = "rl_redirect"};

    return rl_bpf_map_create(&spec, why);
}

int rl_redirect_open(struct rl_redirect *r, const struct rl_redirect_config *config,
                     char why[RL_BPF_WHY])
{
    int err = 0;

    *r = (struct rl_redirect){.map_fd = -1, .prog_fd = -1, .link.fd = -1};
    if (config->n_ports > RL_REDIRECT_MAX_PORTS)
        return rl_bpf_refuse(why, -EINVAL, "XDP redirect: %u ports, at most %d", config->n_ports,
                             RL_REDIRECT_MAX_PORTS);
    if (config->impair != NULL && rl_impair_has(config->impair, RL_IMPAIR_DUPLICATE))
        return rl_bpf_refuse(why, -EOPNOTSUPP,
                             "XDP redirect: the impairment table duplicates packets, which XDP "
                             "cannot; duplicate by tc, or on the wire");
    r->map_fd = open_map(config->n_queues == 0 ? RL_REDIRECT_QUEUES : config->n_queues, why);
    if (r->map_fd < 0)
        return r->map_fd;
    r->prog_fd = load(r, config, why);
    if (r->prog_fd < 0)
        err = r->prog_fd;
    else if (config->ifindex != 0)
        err = rl_xdp_attach(&r->link, r->prog_fd, config->ifindex, config->hook, why);
    if (err != 0)
        rl_redirect_close(r);
    return err;
}

int rl_redirect_add(struct rl_redirect *r, uint32_t queue, int socket_fd, char why[RL_BPF_WHY])
{
    uint32_t value = (uint32_t)socket_fd;
    int err = rl_bpf_map_put(r->map_fd, &queue, &value);

    if (err == -E2BIG)
        return rl_bpf_refuse(why, err, "XDP redirect: no place for a socket of queue %u", queue);
    return err == 0 ? 0 : rl_bpf_refused(why, err, "XDP redirect: the socket is not taken");
}

void rl_redirect_close(struct rl_redirect *r)
{
    rl_bpf_close(&r->link.fd);
    rl_bpf_close(&r->prog_fd);
    rl_bpf_close(&r->map_fd);
}

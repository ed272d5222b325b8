#include "net/bpf/live.h"

#include <errno.h>
#include <stdatomic.h>
#include <string.h>

#include "net/bpf/parse.h"
#include "net/bpf/uapi.h"

/*
 * Pages come back to the kernel's pool as their receiver left them (an echo swaps addresses, a
 * fault flips a byte), so the first bytes are written anew each time: all of the headers.
 */
#define N_BYTES_RENEWED 128
#define N_BYTES_STAMP 8

/* The rest of a frame that was split into an Ethernet, tags, IPv4 and UDP header; 0: no UDP. */
static uint32_t find_udp(const struct rl_live_config *config)
{
    const uint8_t *f = config->frame;
    uint32_t at = 12, n = config->n_bytes;

    while (at + 6 <= n &&
           ((f[at] == 0x81 && f[at + 1] == 0) || (f[at] == 0x88 && f[at + 1] == 0xa8)))
        at += 4;
    at += 2;
    if (at + 28 > n || f[at - 2] != 8 || f[at - 1] != 0 || f[at] >> 4 != 4 || f[at + 9] != 17)
        return 0;
    at += (f[at] & 0xfU) * 4;
    return at + 8 <= n ? at : 0;
}

static bool is_stamped(uint32_t at)
{
    return at != RL_LIVE_NOWHERE;
}

/* May eight bytes stand there: even, behind the headers, inside the frame. */
static bool fits(const struct rl_live_config *config, uint32_t at, uint32_t n_bytes_headers)
{
    return !is_stamped(at) || (at % 2 == 0 && at >= n_bytes_headers && at <= config->n_bytes &&
                               config->n_bytes - at >= N_BYTES_STAMP);
}

static int check(const struct rl_live_config *config, char why[RL_BPF_WHY])
{
    uint32_t udp, apart, n_bytes_headers, a = config->at_sequence, b = config->at_stamp;

    if (config->n_bytes < RL_LIVE_MIN_BYTES || config->n_bytes > RL_LIVE_MAX_BYTES)
        return rl_bpf_refuse(why, -EINVAL, "live frames: %u bytes, not %d to %d", config->n_bytes,
                             RL_LIVE_MIN_BYTES, RL_LIVE_MAX_BYTES);
    if (config->batch > RL_LIVE_MAX_BATCH)
        return rl_bpf_refuse(why, -EINVAL, "live frames: batches of %u, at most %d", config->batch,
                             RL_LIVE_MAX_BATCH);
    udp = find_udp(config);
    n_bytes_headers = udp != 0 ? udp + 8 : RL_LIVE_MIN_BYTES;
    apart = a > b ? a - b : b - a;
    if (!fits(config, a, n_bytes_headers) || !fits(config, b, n_bytes_headers) ||
        (is_stamped(a) && is_stamped(b) && apart < N_BYTES_STAMP))
        return rl_bpf_refuse(
            why, -EINVAL,
            "live frames: sequence at %d and stamp at %d: not even, or not 8 bytes "
            "each between the headers and the end",
            (int)a, (int)b);
    return 0;
}

/* Adds the 64 bits of `value` as four words of 16 to the sum in r8; changes r1 and value. */
static void add_to_sum(struct rl_bpf_code *c, uint8_t value)
{
    rl_bpf_move(c, BPF_REG_1, value);
    rl_bpf_alu_by(c, BPF_RSH, BPF_REG_1, 32);
    rl_bpf_alu_by(c, BPF_LSH, value, 32);
    rl_bpf_alu_by(c, BPF_RSH, value, 32);
    rl_bpf_alu(c, BPF_ADD, BPF_REG_8, BPF_REG_1);
    rl_bpf_alu(c, BPF_ADD, BPF_REG_8, value);
}

/* The template's sum without its stamps, as words in host order. */
static int32_t sum_without_stamps(const struct rl_live *live, uint32_t udp)
{
    uint32_t stamps[2] = {live->config.at_sequence, live->config.at_stamp};
    uint16_t word;
    uint64_t sum;

    memcpy(&word, live->frame + udp + 6, sizeof(word));
    sum = (uint16_t)~word;
    for (int i = 0; i < 2; i++) {
        if (!is_stamped(stamps[i]))
            continue;
        for (uint32_t k = 0; k < N_BYTES_STAMP; k += 2) {
            memcpy(&word, live->frame + stamps[i] + k, sizeof(word));
            sum += (uint16_t)~word;
        }
    }
    while (sum >> 16 != 0)
        sum = (sum & 0xffff) + (sum >> 16);
    return (int32_t)sum;
}

static void write_checksum(struct rl_bpf_code *c, uint32_t udp)
{
    for (int i = 0; i < 4; i++) { /* from 34 bits to 16 */
        rl_bpf_move(c, BPF_REG_1, BPF_REG_8);
        rl_bpf_alu_by(c, BPF_RSH, BPF_REG_1, 16);
        rl_bpf_alu_by(c, BPF_AND, BPF_REG_8, 0xffff);
        rl_bpf_alu(c, BPF_ADD, BPF_REG_8, BPF_REG_1);
    }
    rl_bpf_alu_by(c, BPF_XOR, BPF_REG_8, 0xffff);
    rl_bpf_jump_if(c, BPF_JNE, BPF_REG_8, 0, "not none");
    rl_bpf_set(c, BPF_REG_8, 0xffff); /* 0 would say that there is none */
    rl_bpf_label(c, "not none");
    rl_bpf_store(c, RL_BPF_U16, RL_R_FRAME, (int16_t)(udp + 6), BPF_REG_8);
}

static void renew(struct rl_bpf_code *c, const struct rl_live *live)
{
    uint32_t n = live->config.n_bytes < N_BYTES_RENEWED ? live->config.n_bytes : N_BYTES_RENEWED;

    for (uint32_t at = 0; at + 4 <= n; at += 4) {
        int32_t word;

        memcpy(&word, live->frame + at, sizeof(word));
        rl_bpf_store_value(c, RL_BPF_U32, RL_R_FRAME, (int16_t)at, word);
    }
    for (uint32_t at = n & ~3U; at < n; at++)
        rl_bpf_store_value(c, RL_BPF_U8, RL_R_FRAME, (int16_t)at, live->frame[at]);
}

static int load(const struct rl_live *live, char why[RL_BPF_WHY])
{
    const struct rl_live_config *config = &live->config;
    struct rl_live_config whole = *config;
    struct bpf_insn insns[RL_BPF_MAX_INSNS];
    struct rl_bpf_code code, *c = &code;
    uint32_t udp;
    bool has_checksum;

    whole.frame = live->frame;
    udp = find_udp(&whole);
    has_checksum = udp != 0 && (live->frame[udp + 6] | live->frame[udp + 7]) != 0;

    rl_bpf_start(c, insns, RL_COUNT(insns));
    rl_bpf_begin_xdp(c);
    rl_bpf_move(c, BPF_REG_2, RL_R_FRAME);
    rl_bpf_alu_by(c, BPF_ADD, BPF_REG_2, (int32_t)config->n_bytes);
    rl_bpf_jump_if_reg(c, BPF_JGT, BPF_REG_2, RL_R_END, "too short");
    renew(c, live);
    rl_bpf_load_map_value(c, BPF_REG_1, live->map_fd, offsetof(struct rl_live_shared, n_made));
    rl_bpf_set(c, BPF_REG_9, 1);
    rl_bpf_atomic_fetch_add(c, BPF_REG_1, 0, BPF_REG_9);
    if (has_checksum)
        rl_bpf_set(c, BPF_REG_8, sum_without_stamps(live, udp));
    if (is_stamped(config->at_sequence)) {
        rl_bpf_set64(c, BPF_REG_1, config->first_sequence);
        rl_bpf_alu(c, BPF_ADD, BPF_REG_9, BPF_REG_1);
        rl_bpf_store(c, RL_BPF_U64, RL_R_FRAME, (int16_t)config->at_sequence, BPF_REG_9);
        if (has_checksum)
            add_to_sum(c, BPF_REG_9);
    }
    if (is_stamped(config->at_stamp)) {
        rl_bpf_call(c, BPF_FUNC_ktime_get_ns);
        rl_bpf_store(c, RL_BPF_U64, RL_R_FRAME, (int16_t)config->at_stamp, BPF_REG_0);
        if (has_checksum)
            add_to_sum(c, BPF_REG_0);
    }
    if (has_checksum)
        write_checksum(c, udp);
    if (config->ifindex == 0) {
        rl_bpf_return(c, XDP_PASS);
    } else {
        rl_bpf_set(c, BPF_REG_1, (int32_t)config->ifindex);
        rl_bpf_set(c, BPF_REG_2, 0);
        rl_bpf_call(c, BPF_FUNC_redirect);
        rl_bpf_exit(c);
    }
    rl_bpf_label(c, "too short");
    rl_bpf_return(c, XDP_ABORTED);
    return rl_bpf_load_code(c, BPF_PROG_TYPE_XDP, "rl_live", why);
}

int rl_live_open(struct rl_live *live, const struct rl_live_config *config, char why[RL_BPF_WHY])
{
    void *memory;
    int err;

    memset(live, 0, sizeof(*live));
    live->map_fd = live->prog_fd = -1;
    err = check(config, why);
    if (err != 0)
        return err;
    live->config = *config;
    live->config.frame = NULL; /* the caller's may go away */
    if (config->batch == 0)
        live->config.batch = RL_LIVE_BATCH;
    memcpy(live->frame, config->frame, config->n_bytes);
    live->map_fd = rl_bpf_shared_open(sizeof(*live->shared), "rl_live", &memory, why);
    if (live->map_fd < 0)
        return live->map_fd;
    live->shared = memory;
    live->prog_fd = load(live, why);
    if (live->prog_fd >= 0)
        return 0;
    err = live->prog_fd;
    rl_live_close(live);
    return err;
}

int rl_live_send(struct rl_live *live, uint32_t n_frames)
{
    struct rl_bpf_run run = {.frame = live->frame,
                             .n_bytes = live->config.n_bytes,
                             .n_repeats = n_frames,
                             .flags = RL_BPF_F_TEST_XDP_LIVE_FRAMES,
                             .batch_size = live->config.batch};
    int err;

    if (n_frames == 0)
        return 0; /* the kernel takes it for one */
    err = rl_bpf_run(live->prog_fd, &run);
    return err == -EINTR || err == -EAGAIN ? 0 : err;
}

uint64_t rl_live_n_made(const struct rl_live *live)
{
    return atomic_load_explicit(&live->shared->n_made, memory_order_relaxed);
}

void rl_live_close(struct rl_live *live)
{
    rl_bpf_close(&live->prog_fd);
    rl_bpf_shared_close(live->map_fd, live->shared, sizeof(*live->shared));
    live->map_fd = -1;
    live->shared = NULL;
}

#include "net/bpf/sys.h"

#include <errno.h>
#include <linux/capability.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "net/bpf/uapi.h"

#define LICENSE "GPL" /* of the programs' text towards the kernel: some helpers ask for it */
/* Enough for any refusal of a program of some hundred instructions; it is only had for one. */
#define N_BYTES_LOG (1U << 20)

static int sys_bpf(enum bpf_cmd cmd, union bpf_attr *attr)
{
    long got = syscall(SYS_bpf, cmd, attr, sizeof(*attr));

    return got < 0 ? -errno : (int)got;
}

static uint64_t address_of(const void *p)
{
    return (uint64_t)(uintptr_t)p;
}

int rl_bpf_refuse(char why[RL_BPF_WHY], int err, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    vsnprintf(why, RL_BPF_WHY, format, args);
    va_end(args);
    return err;
}

/* Of this thread; false for all when the kernel does not tell. */
static bool has_capability(unsigned cap)
{
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3] = {0};

    if (syscall(SYS_capget, &header, data) < 0)
        return false;
    return (data[cap / 32].effective >> cap % 32 & 1) != 0;
}

int rl_bpf_refused(char why[RL_BPF_WHY], int err, const char *what)
{
    bool is_admin = has_capability(RL_CAP_SYS_ADMIN); /* it includes CAP_BPF */
    bool needs_bpf = !is_admin && !has_capability(RL_CAP_BPF);
    bool needs_net = !is_admin && !has_capability(RL_CAP_NET_ADMIN);

    if (err == -ENOSYS)
        return rl_bpf_refuse(why, err, "%s: this kernel has no bpf(2)", what);
    if (err != -EPERM && err != -EACCES)
        return rl_bpf_refuse(why, err, "%s: %s", what, strerror(-err));
    if (needs_bpf && needs_net)
        return rl_bpf_refuse(why, err, "%s: CAP_BPF and CAP_NET_ADMIN are missing", what);
    if (needs_bpf || needs_net)
        return rl_bpf_refuse(why, err, "%s: %s is missing", what,
                             needs_bpf ? "CAP_BPF" : "CAP_NET_ADMIN");
    return rl_bpf_refuse(why, err,
                         "%s: not permitted although the capabilities are there: a seccomp filter, "
                         "a user namespace or lockdown",
                         what);
}

static void name_it(char name[BPF_OBJ_NAME_LEN], const char *text)
{
    snprintf(name, BPF_OBJ_NAME_LEN, "%s", text);
}

int rl_bpf_map_create(const struct rl_bpf_map_spec *spec, char why[RL_BPF_WHY])
{
    union bpf_attr attr;
    char what[48];
    int fd;

    memset(&attr, 0, sizeof(attr));
    attr.map_type = spec->type;
    attr.key_size = spec->n_bytes_key;
    attr.value_size = spec->n_bytes_value;
    attr.max_entries = spec->n_entries;
    attr.map_flags = spec->flags;
    name_it(attr.map_name, spec->name);
    fd = sys_bpf(BPF_MAP_CREATE, &attr);
    if (fd >= 0)
        return fd;
    snprintf(what, sizeof(what), "BPF map %s", spec->name);
    return rl_bpf_refused(why, fd, what);
}

int rl_bpf_map_put(int map_fd, const void *key, const void *value)
{
    union bpf_attr attr;

    memset(&attr, 0, sizeof(attr));
    attr.map_fd = (uint32_t)map_fd;
    attr.key = address_of(key);
    attr.value = address_of(value);
    return sys_bpf(BPF_MAP_UPDATE_ELEM, &attr);
}

int rl_bpf_shared_open(uint32_t n_bytes, const char *name, void **memory, char why[RL_BPF_WHY])
{
    struct rl_bpf_map_spec spec = {.type = BPF_MAP_TYPE_ARRAY,
                                   .n_bytes_key = 4,
                                   .n_bytes_value = n_bytes,
                                   .n_entries = 1,
                                   .flags = RL_BPF_F_MMAPABLE,
                                   .name = name};
    int err, fd = rl_bpf_map_create(&spec, why);

    *memory = NULL;
    if (fd < 0)
        return fd;
    *memory = mmap(NULL, n_bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (*memory != MAP_FAILED)
        return fd;
    err = -errno;
    *memory = NULL;
    close(fd);
    return rl_bpf_refuse(why, err, "BPF map %s: cannot be mapped: %s", name, strerror(-err));
}

void rl_bpf_shared_close(int map_fd, void *memory, uint32_t n_bytes)
{
    if (memory != NULL)
        munmap(memory, n_bytes);
    rl_bpf_close(&map_fd);
}

static int try_load(const struct rl_bpf_program *program, char *log, uint32_t n_bytes_log)
{
    union bpf_attr attr;
    int fd, n_tries = 5;

    memset(&attr, 0, sizeof(attr));
    attr.prog_type = program->type;
    attr.insns = address_of(program->insns);
    attr.insn_cnt = program->n_insns;
    attr.license = address_of(LICENSE);
    attr.expected_attach_type = program->attach_type;
    attr.log_buf = address_of(log);
    attr.log_size = n_bytes_log;
    attr.log_level = log != NULL;
    name_it(attr.prog_name, program->name);
    do
        fd = sys_bpf(BPF_PROG_LOAD, &attr);
    while (fd == -EAGAIN && --n_tries > 0); /* a signal came while the verifier was at it */
    return fd;
}

/* The verifier's last line before its statistics is the one that says what is wrong. */
static const char *last_line(char *log)
{
    const char *best = "";
    char *rest = log;

    for (char *line; (line = strsep(&rest, "\n")) != NULL;) {
        if (line[0] != '\0' && strncmp(line, "processed ", 10) != 0)
            best = line;
    }
    return best;
}

int rl_bpf_load(const struct rl_bpf_program *program, char why[RL_BPF_WHY])
{
    char what[48], *log;
    int err, fd = try_load(program, NULL, 0);

    if (fd >= 0)
        return fd;
    snprintf(what, sizeof(what), "BPF program %s", program->name);
    err = fd;
    log = mmap(NULL, N_BYTES_LOG, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (log == MAP_FAILED)
        return rl_bpf_refused(why, err, what);
    fd = try_load(program, log, N_BYTES_LOG);
    log[N_BYTES_LOG - 1] = '\0';
    if (fd < 0 && log[0] != '\0')
        rl_bpf_refuse(why, err, "%s: the verifier refuses it: %s", what, last_line(log));
    else if (fd < 0)
        rl_bpf_refused(why, err, what);
    munmap(log, N_BYTES_LOG);
    return fd < 0 ? err : fd; /* a second try may succeed: the first was out of memory */
}

int rl_bpf_link(int prog_fd, uint32_t ifindex, uint32_t attach_type, uint32_t flags)
{
    union bpf_attr attr;

    memset(&attr, 0, sizeof(attr));
    attr.link_create.prog_fd = (uint32_t)prog_fd;
    attr.link_create.target_ifindex = ifindex;
    attr.link_create.attach_type = attach_type;
    attr.link_create.flags = flags;
    return sys_bpf(BPF_LINK_CREATE, &attr);
}

int rl_bpf_run(int prog_fd, struct rl_bpf_run *run)
{
    union bpf_attr attr;
    int err;

    memset(&attr, 0, sizeof(attr));
    attr.test.prog_fd = (uint32_t)prog_fd;
    attr.test.data_in = address_of(run->frame);
    attr.test.data_size_in = run->n_bytes;
    attr.test.data_out = address_of(run->out);
    attr.test.data_size_out = run->n_bytes_out_max;
    attr.test.repeat = run->n_repeats;
    attr.test.flags = run->flags;
    attr.test.batch_size = run->batch_size;
    err = sys_bpf(BPF_PROG_TEST_RUN, &attr);
    run->n_bytes_out = attr.test.data_size_out;
    run->verdict = attr.test.retval;
    return err;
}

void rl_bpf_close(int *fd)
{
    if (*fd >= 0)
        close(*fd);
    *fd = -1;
}

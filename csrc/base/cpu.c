#include "base/cpu.h"

#include <cpuid.h>
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>

int rl_cpu_pin(int cpu)
{
    cpu_set_t set;

    if (cpu < 0 || cpu >= CPU_SETSIZE)
        return -EINVAL;
    CPU_ZERO(&set);
    CPU_SET(cpu, &set);
    return sched_setaffinity(0, sizeof(set), &set) == 0 ? 0 : -errno; /* 0: this thread */
}

int rl_cpu_current(void)
{
    return sched_getcpu();
}

int rl_cpu_allowed(int *cpus, int max)
{
    cpu_set_t set;
    int n = 0;

    if (sched_getaffinity(0, sizeof(set), &set) != 0)
        return -errno;
    for (int cpu = 0; cpu < CPU_SETSIZE; cpu++) {
        if (!CPU_ISSET(cpu, &set))
            continue;
        if (n < max)
            cpus[n] = cpu;
        n++;
    }
    return n;
}

__attribute__((unused)) static inline bool has_ecx(unsigned leaf, unsigned bit)
{
    unsigned a, b, c, d;

    return __get_cpuid(leaf, &a, &b, &c, &d) && (c & bit) != 0;
}

/* The macros are the compiler's own account of -march; the builtins ask CPUID and XGETBV. */
const char *rl_cpu_missing(void)
{
    __builtin_cpu_init();
#define NEED(name)                         \
    do {                                   \
        if (!__builtin_cpu_supports(name)) \
            return name;                   \
    } while (0)
#ifdef __SSE3__
    NEED("sse3");
#endif
#ifdef __SSSE3__
    NEED("ssse3");
#endif
#ifdef __SSE4_1__
    NEED("sse4.1");
#endif
#ifdef __SSE4_2__
    NEED("sse4.2");
#endif
#ifdef __POPCNT__
    NEED("popcnt");
#endif
#ifdef __AVX__
    NEED("avx");
#endif
#ifdef __AVX2__
    NEED("avx2");
#endif
#ifdef __BMI__
    NEED("bmi");
#endif
#ifdef __BMI2__
    NEED("bmi2");
#endif
#ifdef __FMA__
    NEED("fma");
#endif
    /* Three names that clang's builtin does not know; AVX above has asked the system about F16C. */
#ifdef __F16C__
    if (!has_ecx(1, bit_F16C))
        return "f16c";
#endif
#ifdef __LZCNT__
    if (!has_ecx(0x80000001, bit_LZCNT))
        return "lzcnt";
#endif
#ifdef __MOVBE__
    if (!has_ecx(1, bit_MOVBE))
        return "movbe";
#endif
#ifdef __AVX512F__
    NEED("avx512f");
#endif
#ifdef __AVX512BW__
    NEED("avx512bw");
#endif
#ifdef __AVX512DQ__
    NEED("avx512dq");
#endif
#ifdef __AVX512VL__
    NEED("avx512vl");
#endif
#ifdef __AVX512VBMI__
    NEED("avx512vbmi");
#endif
#ifdef __AVX512VBMI2__
    NEED("avx512vbmi2");
#endif
#ifdef __AVX512BF16__
    NEED("avx512bf16");
#endif
#ifdef __GFNI__
    NEED("gfni");
#endif
#ifdef __VAES__
    NEED("vaes");
#endif
#ifdef __VPCLMULQDQ__
    NEED("vpclmulqdq");
#endif
#undef NEED
    return NULL;
}

int rl_cpu_block_signals(void)
{
    /* A fault of the thread's own must still reach it: blocked, it would kill without a trace. */
    static const int own[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGABRT, SIGSYS};
    sigset_t set;

    sigfillset(&set);
    for (size_t i = 0; i < RL_COUNT(own); i++)
        sigdelset(&set, own[i]);
    return -pthread_sigmask(SIG_BLOCK, &set, NULL);
}

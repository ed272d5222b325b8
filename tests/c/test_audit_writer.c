/* The writer: durable in groups, rotated without a gap, and late without a loss. */
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>

#include "audit_log.h"

static uint64_t word(const _Atomic uint64_t *w)
{
    return atomic_load_explicit(w, memory_order_relaxed);
}

/* ---- On time ----------------------------------------------------------------------------------
 */

static void a_record_is_durable_after_the_next_commit_and_not_before(void)
{
    struct log log;

    log_make(&log);
    log_must_open(&log);
    CHECK_EQ(rl_audit_writer_step(&log.writer, log.now += 200), 0); /* nothing: no commit */
    CHECK_EQ(word(&log.audit.words.n_commits), 0);
    CHECK(log_put(&log));
    CHECK_EQ(rl_audit_writer_step(&log.writer, log.now), 1); /* long since the last: at once */
    CHECK_EQ(rl_audit_durable(&log.audit), 1);
    for (unsigned i = 0; i < 5; i++) {
        CHECK(log_put(&log));
        CHECK_EQ(rl_audit_writer_step(&log.writer, log.now), 1);
    }
    CHECK_EQ(rl_audit_durable(&log.audit), 1);
    CHECK_EQ(rl_audit_writer_step(&log.writer, log.now += 100), 0); /* they go together */
    CHECK_EQ(rl_audit_durable(&log.audit), 6);
    CHECK_EQ(word(&log.audit.words.n_commits), 2);
    CHECK(log_put(&log));
    CHECK_EQ(rl_audit_writer_commit(&log.writer, log.now), 0); /* asked for */
    CHECK_EQ(rl_audit_durable(&log.audit), 7);
    CHECK_EQ(word(&log.audit.words.durable_number), 7);
    CHECK(log_put(&log));
    CHECK_EQ(rl_audit_writer_step(&log.writer, log.now), 1); /* written already when it is */
    CHECK_EQ(rl_audit_durable(&log.audit), 7);
    CHECK_EQ(rl_audit_writer_commit(&log.writer, log.now), 0);
    CHECK_EQ(rl_audit_durable(&log.audit), 8);
    log_remove(&log);
}

static void so_many_records_are_a_reason_to_commit_too(void)
{
    struct log log;

    log_make(&log);
    log.config.commit_ns = 1000000000;
    log.config.commit_records = 4;
    log_must_open(&log);
    for (unsigned i = 0; i < 11; i++)
        CHECK(log_put(&log));
    CHECK_EQ(rl_audit_writer_step(&log.writer, log.now), 11);
    CHECK_EQ(rl_audit_durable(&log.audit), 8);
    log_remove(&log);
}

static void segments_follow_each_other_by_size_without_a_gap(void)
{
    struct log log;
    struct rl_audit_verdict v;

    log_make(&log);
    log_must_open(&log);
    log_write(&log, 1000, 3);
    log_close(&log);
    v = log_verdict(&log);
    CHECK_EQ(v.fault, RL_AUDIT_WHOLE);
    CHECK_EQ(v.n_records, 1000);
    CHECK_EQ(v.n_segments, word(&log.audit.words.segment));
    CHECK(v.n_segments > 100);
    CHECK(!log_has(&log, "next.prepared"));
    log_remove(&log);
}

static void a_block_is_cut_where_the_segment_ends(void)
{
    struct log log;

    log_make(&log);
    log_must_open(&log);
    log_write(&log, 60, 60); /* more than a segment holds at once */
    log_close(&log);
    CHECK_EQ(log_verdict(&log).fault, RL_AUDIT_WHOLE);
    CHECK_EQ(log_verdict(&log).n_segments, 6);
    log_remove(&log);
}

static void segments_follow_each_other_by_time_but_none_is_empty(void)
{
    struct log log;

    log_make(&log);
    log.config.rotate_ns = 1000;
    log.config.segment_bytes = 1 << 20;
    log_must_open(&log);
    for (unsigned i = 0; i < 50; i++) {
        if (i % 2)
            CHECK(log_put(&log));
        CHECK(rl_audit_writer_step(&log.writer, log.now += 1100) >= 0);
    }
    log_close(&log);
    CHECK_EQ(log_verdict(&log).fault, RL_AUDIT_WHOLE);
    CHECK_EQ(log_verdict(&log).n_records, 25);
    CHECK(log_verdict(&log).n_segments >= 24 && log_verdict(&log).n_segments <= 26);
    log_remove(&log);
}

/* As long after the last turn as it was asked for, to the tick; one that was empty lasts as long.
 */
static void a_segment_lasts_as_long_as_it_was_asked_for(void)
{
    struct log log;

    log_make(&log);
    log.config.rotate_ns = 10000;
    log.config.segment_bytes = 1 << 20;
    log_must_open(&log);
    log_write(&log, 1, 1);
    CHECK(rl_audit_writer_step(&log.writer, 1000 + 9999) >= 0); /* it was opened at 1000 */
    CHECK_EQ(word(&log.audit.words.segment), 1);
    CHECK(rl_audit_writer_step(&log.writer, 1000 + 10000) >= 0);
    CHECK_EQ(word(&log.audit.words.segment), 2);
    CHECK(rl_audit_writer_step(&log.writer, 21000) >= 0); /* nothing in it */
    CHECK_EQ(word(&log.audit.words.segment), 2);
    log.now = 21000;
    CHECK(log_put(&log));
    CHECK(rl_audit_writer_step(&log.writer, 30999) >= 0);
    CHECK_EQ(word(&log.audit.words.segment), 2);
    CHECK(rl_audit_writer_step(&log.writer, 31000) >= 0);
    CHECK_EQ(word(&log.audit.words.segment), 3);
    log.now = 31000;
    log_close(&log);
    CHECK_EQ(log_verdict(&log).fault, RL_AUDIT_WHOLE);
    log_remove(&log);
}

static void a_second_writer_is_refused(void)
{
    struct log log;
    struct rl_audit_writer other;
    const char *why = NULL;

    log_make(&log);
    log_must_open(&log);
    CHECK_EQ(rl_audit_writer_open(&other, &log.audit, &log.config, 1, &why), -EBUSY);
    CHECK(why != NULL && strstr(why, "another writer") != NULL);
    log_close(&log);
    CHECK_EQ(rl_audit_writer_open(&other, &log.audit, &log.config, 1, &why), 0);
    CHECK_EQ(rl_audit_writer_close(&other, 1), 0);
    CHECK_EQ(rl_audit_writer_close(&other, 1), 0); /* again: harmless */
    log_remove(&log);
}

static void a_configuration_without_sense_is_refused(void)
{
    struct log log;
    struct rl_audit_writer_config config;

    log_make(&log);
    config = log.config;
    config.tsc_hz = 0;
    CHECK_EQ(rl_audit_writer_open(&log.writer, &log.audit, &config, 1, NULL), -EINVAL);
    config = log.config;
    config.segment_bytes = RL_AUDIT_HEADER + 2 * RL_AUDIT_UNIT;
    CHECK_EQ(rl_audit_writer_open(&log.writer, &log.audit, &config, 1, NULL), -EINVAL);
    config = log.config;
    config.dir = "/dev/null/x";
    CHECK_EQ(rl_audit_writer_open(&log.writer, &log.audit, &config, 1, NULL), -ENOTDIR);
    log_remove(&log);
}

/* ---- Late --------------------------------------------------------------------------------------
 */

static void a_late_step_is_recorded_with_what_waited(void)
{
    struct log log;
    struct last_record last;

    log_make(&log);
    log_must_open(&log);
    for (unsigned i = 0; i < 40; i++)
        CHECK(log_put(&log));
    CHECK_EQ(rl_audit_writer_step(&log.writer, log.now += 5000000), 40);
    CHECK_EQ(word(&log.audit.words.n_stalls), 1);
    CHECK_EQ(word(&log.audit.words.max_backlog), 40);
    CHECK(word(&log.audit.words.stall_ns) >= 5000000 - 100);
    CHECK_EQ(rl_audit_durable(&log.audit), 40);          /* counts records of the ring ... */
    CHECK_EQ(word(&log.audit.words.durable_number), 41); /* ... and this one all */
    CHECK_EQ(rl_audit_writer_step(&log.writer, log.now += 5000000), 0); /* nobody waited */
    CHECK_EQ(word(&log.audit.words.n_stalls), 1);
    log_close(&log);
    last = log_last_of(&log, RL_AUDIT_STALL);
    CHECK_EQ(last.n, 1);
    CHECK_EQ(last.record.ref, 40);
    CHECK(last.record.qty >= 5000000);
    CHECK_EQ(log_verdict(&log).fault, RL_AUDIT_WHOLE);
    log_remove(&log);
}

static void so_late_and_no_less_is_a_stall(void)
{
    struct log log;

    log_make(&log);
    log_must_open(&log);
    for (uint64_t late = log.config.stall_ns - 1; late <= log.config.stall_ns; late++) {
        uint64_t last_step = log.now;

        CHECK(log_put(&log));
        CHECK_EQ(rl_audit_writer_step(&log.writer, log.now = last_step + late), 1);
        CHECK_EQ(word(&log.audit.words.n_stalls), late == log.config.stall_ns);
    }
    log_remove(&log);
}

/* The producer goes on at 1.2 times the ring while the writer's process is stopped. */
static void a_stopped_writer_costs_claims_and_no_record(void)
{
    struct shared {
        struct log log;
        _Atomic bool is_over;
    } *shared =
        mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    struct log *log = &shared->log;
    unsigned n_refused = 0;
    pid_t child;
    int status;

    CHECK(shared != MAP_FAILED);
    log_make(log);
    log_must_open(log); /* skips here when it must */
    rl_audit_writer_abandon(&log->writer);
    child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        uint64_t now = 1;

        log_must_open(log);
        while (!atomic_load_explicit(&shared->is_over, memory_order_acquire)) {
            if (rl_audit_writer_step(&log->writer, now += 200) < 0)
                _exit(1);
        }
        _exit(rl_audit_writer_close(&log->writer, now) == 0 ? 0 : 1);
    }
    kill(child, SIGSTOP);
    CHECK_EQ(waitpid(child, &status, WUNTRACED), child);
    for (unsigned i = 0; i < LOG_SLOTS * 12 / 10; i++)
        n_refused += !log_put(log);
    CHECK_EQ(n_refused, LOG_SLOTS * 12 / 10 - LOG_SLOTS);
    CHECK_EQ(rl_audit_backlog(&log->audit), LOG_SLOTS);
    kill(child, SIGCONT);
    for (unsigned i = 0; i < 1000; i++) {
        while (!log_put(log))
            sched_yield();
    }
    atomic_store_explicit(&shared->is_over, true, memory_order_release);
    CHECK_EQ(waitpid(child, &status, 0), child);
    CHECK_EQ(status, 0);
    CHECK_EQ(log_verdict(log).n_records, LOG_SLOTS + 1000);
    CHECK_EQ(log_verdict(log).fault, RL_AUDIT_WHOLE);
    CHECK_EQ(rl_audit_durable(&log->audit), LOG_SLOTS + 1000);
    memset(&log->writer, 0, sizeof log->writer); /* it was the child's */
    log_remove(log);
    munmap(shared, sizeof *shared);
}

/* The writer in a thread of its own, the order side in this one, segments of eleven records. */
static void a_thread_writes_what_another_commits(void)
{
    enum { N = 20000 };
    struct log log;
    struct rl_audit_thread *thread;

    log_make(&log);
    log.config.clock = NULL; /* the virtual one is not for two threads */
    log.config.commit_ns = 1000000;
    log.config.segment_bytes = RL_AUDIT_HEADER + 500 * 64;
    log_must_open(&log);
    CHECK_EQ(rl_audit_thread_start(&thread, &log.writer, 1 << 20, 0), -EINVAL);
    CHECK_EQ(rl_audit_thread_start(&thread, &log.writer, -1, 10000), 0);
    for (unsigned i = 0; i < N; i++) {
        while (!log_put(&log))
            sched_yield();
    }
    while (rl_audit_durable(&log.audit) < N)
        sched_yield();
    CHECK_EQ(rl_audit_thread_stop(thread), 0);
    CHECK_EQ(rl_audit_thread_stop(NULL), 0);
    CHECK_EQ(log_verdict(&log).fault, RL_AUDIT_WHOLE);
    CHECK_EQ(log_verdict(&log).n_records, N + word(&log.audit.words.n_stalls));
    log_remove(&log);
}

/* What /proc/self/task/N/status says of the one thread that is not this; "": there is none yet. */
static const char *of_the_other_thread(const char *member)
{
    static char value[4096];
    DIR *tasks = opendir("/proc/self/task");
    struct dirent *entry;

    CHECK(tasks != NULL);
    value[0] = '\0';
    while ((entry = readdir(tasks)) != NULL) {
        char path[300], line[4096];
        FILE *status;

        if (entry->d_name[0] == '.' || atoi(entry->d_name) == getpid())
            continue;
        snprintf(path, sizeof path, "/proc/self/task/%s/status", entry->d_name);
        status = fopen(path, "r");
        while (status && fgets(line, sizeof line, status)) {
            if (strncmp(line, member, strlen(member)) == 0)
                sscanf(line + strlen(member), "%4095s", value);
        }
        if (status)
            fclose(status);
    }
    closedir(tasks);
    return value;
}

/* On the CPU that it was given, the lowest one too; asleep between two looks when nothing comes. */
static void a_thread_with_nothing_to_write_sleeps_where_it_was_put(void)
{
    struct log log;
    struct rl_audit_thread *thread;
    cpu_set_t ours;
    char wanted[16];
    int cpu = 0;

    CHECK_EQ(sched_getaffinity(0, sizeof ours, &ours), 0);
    while (!CPU_ISSET(cpu, &ours))
        cpu++;
    log_make(&log);
    log.config.clock = NULL;
    log_must_open(&log);
    CHECK_EQ(rl_audit_thread_start(&thread, &log.writer, cpu, 1000000), 0);
    for (unsigned turns = 0; atoi(of_the_other_thread("voluntary_ctxt_switches:")) < 5; turns++) {
        CHECK(turns < 60000);
        nanosleep(&(struct timespec){.tv_nsec = 500000}, NULL);
    }
    snprintf(wanted, sizeof wanted, "%d", cpu);
    CHECK(strcmp(of_the_other_thread("Cpus_allowed_list:"), wanted) == 0);
    CHECK_EQ(rl_audit_thread_stop(thread), 0);
    log_remove(&log);
}

int main(void)
{
    a_record_is_durable_after_the_next_commit_and_not_before();
    so_many_records_are_a_reason_to_commit_too();
    segments_follow_each_other_by_size_without_a_gap();
    a_block_is_cut_where_the_segment_ends();
    segments_follow_each_other_by_time_but_none_is_empty();
    a_segment_lasts_as_long_as_it_was_asked_for();
    a_second_writer_is_refused();
    a_configuration_without_sense_is_refused();
    a_late_step_is_recorded_with_what_waited();
    so_late_and_no_less_is_a_stall();
    a_stopped_writer_costs_claims_and_no_record();
    a_thread_writes_what_another_commits();
    a_thread_with_nothing_to_write_sleeps_where_it_was_put();
    return 0;
}

/*
 * spdlog's asynchronous logger under bursts (bursts.h), as its manual sets it up: the default queue
 * of 8,192 messages, one thread, a file. It formats on the caller's thread. A full queue blocks the
 * caller, or pushes out the oldest message.
 *
 *     spdlog_bursts block|overrun PREFIX CPU TSC_HZ SECONDS
 */
#include <spdlog/async.h>
#include <spdlog/sinks/basic_file_sink.h>
#include <spdlog/spdlog.h>

#include <unistd.h>

#include <cstdio>
#include <memory>
#include <string>

#include "bursts.h"

namespace
{

spdlog::async_overflow_policy policy;
std::string path, about;
std::shared_ptr<spdlog::logger> logger;

bool open(const char *prefix, int cpu, uint64_t)
{
    path = std::string(prefix) + ".log";
    try {
        spdlog::init_thread_pool(spdlog::details::default_async_q_size, 1,
                                 [cpu] { burst_pin(cpu); });
        auto sink = std::make_shared<spdlog::sinks::basic_file_sink_mt>(path, true);
        logger =
            std::make_shared<spdlog::async_logger>("orders", sink, spdlog::thread_pool(), policy);
    } catch (const spdlog::spdlog_ex &error) {
        std::fprintf(stderr, "%s\n", error.what());
        return false;
    }
    return true;
}

BURST_INLINE bool append(const burst_order *o)
{
    logger->info("sent id={} ref={} px={} qty={} instrument={}", o->id, o->ref, o->px_nano, o->qty,
                 o->instrument);
    return true;
}

burst_found close()
{
    burst_found found = {0, 0, 0};
    uint64_t last = 0, id, qty;
    char line[512];

    logger.reset();
    spdlog::shutdown(); /* waits for the queue */
    std::FILE *file = std::fopen(path.c_str(), "r");
    while (file != nullptr && std::fgets(line, sizeof line, file) != nullptr) {
        const char *at = std::strstr(line, "sent id=");

        if (at == nullptr ||
            std::sscanf(at, "sent id=%" SCNu64 " ref=%*u px=%*d qty=%" SCNu64, &id, &qty) != 2) {
            found.n_bad++;
            continue;
        }
        found.n_bad += id <= last || qty != 100;
        last = id;
        found.sum += id;
        found.n_records++;
    }
    if (file != nullptr)
        std::fclose(file);
    unlink(path.c_str());
    return found;
}

} // namespace

int main(int argc, char **argv)
{
    const std::string mode = argc == 6 ? argv[1] : "";

    if (mode != "block" && mode != "overrun") {
        std::fprintf(stderr, "usage: %s block|overrun PREFIX CPU TSC_HZ SECONDS\n", argv[0]);
        return 2;
    }
    policy = mode == "block" ? spdlog::async_overflow_policy::block
                             : spdlog::async_overflow_policy::overrun_oldest;
    about = "spdlog " + std::to_string(SPDLOG_VER_MAJOR) + "." + std::to_string(SPDLOG_VER_MINOR) +
            "." + std::to_string(SPDLOG_VER_PATCH) + ", text, never synced";
    const burst_log log = {about.c_str(), open, close};

    return bursts_main(argv + 2, &log, append);
}

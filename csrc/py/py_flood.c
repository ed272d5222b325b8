/* Floods: the open loops of csrc/rig/traffic, run without the GIL. */
#include "net/netns.h"
#include "py/py_port.h"
#include "py/py_port_config.h"
#include "py/py_stream.h"
#include "py/py_traffic.h"
#include "rig/traffic/flood.h"
#include "rig/traffic/live_flood.h"

#include <errno.h>
#include <unistd.h>

static PyObject *identities_list(const struct rl_flood_result *r)
{
    struct rl_identity identities[RL_FLOOD_MAX_IDENTITIES];
    uint32_t n = rl_flood_identities(r, identities);
    PyObject *list = PyList_New(0);

    for (uint32_t i = 0; i < n && list; i++) {
        PyObject *one =
            Py_BuildValue("sKK", identities[i].name, (unsigned long long)identities[i].left,
                          (unsigned long long)identities[i].right);

        if (!one || PyList_Append(list, one) < 0)
            Py_CLEAR(list);
        Py_XDECREF(one);
    }
    return list;
}

static PyObject *flood_dict(struct core_state *state, const struct rl_flood_result *r)
{
    return Py_BuildValue(
        "{s:N,s:N,s:K,s:K,s:K,s:K,s:d,s:d,s:d,s:N,s:N,s:N,s:N,s:N,s:N,s:N,s:K,s:N,s:y#}", "sent",
        core_counters_named(rl_flood_send_counter_names, &r->sent), "received",
        core_counters_named(rl_flood_receive_counter_names, &r->received), "arrived",
        (unsigned long long)r->arrived, "lost", (unsigned long long)r->lost, "sent_span_ns",
        (unsigned long long)r->sent_span_ns, "received_span_ns",
        (unsigned long long)r->received_span_ns, "sent_pps", r->sent_pps, "received_pps",
        r->received_pps, "handle_ns", r->handle_ns, "lateness", hist_object(state, &r->lateness),
        "from_intended", hist_object(state, &r->from_intended), "from_sent",
        hist_object(state, &r->from_sent), "tx_side", py_side_dict(&r->tx_side), "rx_side",
        py_side_dict(&r->rx_side), "placement_mticks", py_placements_tuple(&r->placement),
        "identities", identities_list(r), "elapsed_ns", (unsigned long long)r->elapsed_ns,
        "was_stopped", PyBool_FromLong(r->was_stopped), "log", r->log ? (const char *)r->log : "",
        (Py_ssize_t)(r->n_logged * sizeof *r->log));
}

/* The result as a dict, or NULL with what the signal or the run raised; closes it. */
static PyObject *flood_ended(PyObject *module, const struct py_run *run,
                             struct rl_flood_result *result, int err, const char *why)
{
    PyObject *dict = NULL;

    if (!run->is_raised) /* else by the signal's handler: as it is */
        dict = err ? core_raise(module, err, why) : flood_dict(PyModule_GetState(module), result);
    rl_flood_result_close(result);
    return dict;
}

/* What a flood_run holds while it runs. */
struct flood_call {
    struct rl_flood_config c;
    struct py_stream stream;
    Py_buffer due;
    PyObject *held[2];
    struct rl_clock clock;
};

static int schedule_get(PyObject *op, struct flood_call *call, unsigned long long span_ns)
{
    struct rl_schedule *schedule = &call->c.send.schedule;

    if (op == Py_None) {
        schedule->n_due = 0;
        return 0;
    }
    if (PyObject_GetBuffer(op, &call->due, PyBUF_FORMAT | PyBUF_C_CONTIGUOUS) < 0)
        return -1;
    if (call->due.itemsize != sizeof(uint64_t) || call->due.len == 0) {
        PyErr_SetString(PyExc_ValueError, "a schedule is uint64 ns and not empty");
        return -1;
    }
    schedule->due_ns = call->due.buf;
    schedule->n_due = (uint64_t)(call->due.len / call->due.itemsize);
    schedule->span_ns = span_ns;
    return 0;
}

static int stream_get(PyObject *op, struct flood_call *call)
{
    if (op == Py_None)
        return 0;
    if (py_stream_get(op, &call->stream) < 0)
        return -1;
    call->c.traffic.stream = &call->stream.stream;
    return 0;
}

static int ends_get(PyObject *tx, PyObject *rx, struct flood_call *call)
{
    if (tx != Py_None) {
        call->c.tx = py_port_borrow(tx, &call->held[0]);
        if (!call->c.tx)
            return -1;
    }
    if (rx != Py_None) {
        call->c.rx = py_port_borrow(rx, &call->held[1]);
        if (!call->c.rx)
            return -1;
    }
    return 0;
}

static void flood_release(struct flood_call *call)
{
    py_port_return(call->held[0]);
    py_port_return(call->held[1]);
    py_stream_release(&call->stream);
    if (call->due.obj)
        PyBuffer_Release(&call->due);
}

static int flood_get(PyObject *module, PyObject *args, PyObject *kw, struct flood_call *call)
{
    static char *names[] = {
        "tx",      "rx",       "tsc_hz", "cpu_tx", "cpu_rx",     "n_frames",  "first_seq",
        "n_bytes", "flow",     "seed",   "stream", "n_pack",     "due_ns",    "span_ns",
        "n_batch",

        "is_live", "n_window", "n_log",  "blocks", "one_thread", "settle_ns", "n_placement_batches",
        "max_ns",  "prefix",   NULL};
    unsigned long long tsc_hz, n_frames, first_seq, seed, span_ns, n_window, n_log, settle_ns,
        max_ns;
    PyObject *tx, *rx, *stream, *due;
    struct rl_flood_config *c = &call->c;
    int is_live, blocks, one_thread, err;
    const char *prefix;
    Py_ssize_t n_prefix;

    rl_flood_config_init(c);
    if (!PyArg_ParseTupleAndKeywords(args, kw, "$OOKiiKKIIKOIOKIpKKppKIKy#:flood_run", names, &tx,
                                     &rx, &tsc_hz, &c->cpu_tx, &c->cpu_rx, &n_frames, &first_seq,
                                     &c->traffic.n_bytes, &c->traffic.flow, &seed, &stream,
                                     &c->traffic.n_pack, &due, &span_ns, &c->send.n_batch, &is_live,
                                     &n_window, &n_log, &blocks, &one_thread, &settle_ns,
                                     &c->n_placement_batches, &max_ns, &prefix, &n_prefix) ||
        py_prefix_set(&c->traffic.prefix, prefix, n_prefix) < 0)
        return -1;
    c->traffic.n_frames = n_frames;
    c->traffic.first_seq = first_seq;
    c->traffic.seed = seed;
    c->receive = (struct rl_flood_receive_config){.source = is_live ? RL_FLOOD_LIVE : RL_FLOOD_OURS,
                                                  .n_window = n_window,
                                                  .n_log = n_log,
                                                  .blocks = blocks};
    c->one_thread = one_thread;
    c->settle_ns = settle_ns;
    c->bounds.max_ns = max_ns;
    c->clock = &call->clock;
    err = rl_clock_from_hz(&call->clock, tsc_hz);
    if (err) {
        core_raise(module, err, NULL);
        return -1;
    }
    if (schedule_get(due, call, span_ns) < 0 || stream_get(stream, call) < 0)
        return -1;
    return ends_get(tx, rx, call);
}

static PyObject *flood_run(PyObject *module, PyObject *args, PyObject *kw)
{
    struct rl_flood_result result = {0};
    struct flood_call call = {0};
    struct py_run run = {0};
    const char *why = NULL;
    PyObject *dict = NULL;
    int err;

    if (flood_get(module, args, kw, &call) == 0) {
        call.c.bounds.wants_stop = py_run_wants_stop;
        call.c.bounds.arg = &run;
        run.thread = PyEval_SaveThread();
        err = rl_flood_run(&result, &call.c, &why);
        PyEval_RestoreThread(run.thread);
        dict = flood_ended(module, &run, &result, err, why);
    }
    flood_release(&call);
    return dict;
}

static PyObject *live_flood_run(PyObject *module, PyObject *args, PyObject *kw)
{
    static char *names[] = {"rx",
                            "tsc_hz",
                            "cpu_tx",
                            "cpu_rx",
                            "n_frames",
                            "n_bytes",
                            "flow_number",
                            "n_batch",
                            "flow",
                            "netns",
                            "interface",
                            "n_prefix",
                            "n_window",
                            "n_log",
                            "blocks",
                            "settle_ns",
                            "n_placement_batches",
                            "max_ns",
                            NULL};
    unsigned long long tsc_hz, n_frames, n_window, n_log, settle_ns, max_ns;
    PyObject *rx, *held = NULL, *netns = NULL, *flow, *dict = NULL;
    struct rl_flood_result result = {0};
    struct rl_live_flood_config c;
    struct py_run run = {0};
    const char *interface, *why = NULL;
    struct rl_clock clock;
    int blocks, err;

    rl_live_flood_config_init(&c);
    if (!PyArg_ParseTupleAndKeywords(
            args, kw, "$OKiiKIIIO!O&sIKKpKIK:live_flood_run", names, &rx, &tsc_hz, &c.cpu_tx,
            &c.cpu_rx, &n_frames, &c.n_bytes, &c.flow_number, &c.n_batch, &PyTuple_Type, &flow,
            core_path_get, &netns, &interface, &c.n_prefix, &n_window, &n_log, &blocks, &settle_ns,
            &c.n_placement_batches, &max_ns) ||
        py_flow_get(flow, &c.flow) < 0 || py_interface_get(interface, c.interface) < 0)
        goto out;
    c.n_frames = n_frames;
    c.n_window = n_window;
    c.n_log = n_log;
    c.blocks = blocks;
    c.settle_ns = settle_ns;
    c.clock = &clock;
    c.bounds =
        (struct rl_run_bounds){.max_ns = max_ns, .wants_stop = py_run_wants_stop, .arg = &run};
    err = rl_clock_from_hz(&clock, tsc_hz);
    if (err) {
        core_raise(module, err, NULL);
        goto out;
    }
    if (py_netns_open(module, netns, &c.netns_fd) < 0)
        goto out;
    c.rx = py_port_borrow(rx, &held);
    if (c.rx) {
        run.thread = PyEval_SaveThread();
        err = rl_live_flood_run(&result, &c, &why);
        PyEval_RestoreThread(run.thread);
        dict = flood_ended(module, &run, &result, err, why);
    }
    py_port_return(held);
    if (c.netns_fd >= 0)
        close(c.netns_fd);
out:
    Py_XDECREF(netns);
    return dict;
}

PyDoc_STRVAR(flood_doc,
             "flood_run($module, /, *, tx, rx, tsc_hz, cpu_tx, cpu_rx, n_frames, first_seq, "
             "n_bytes, flow, seed, stream, n_pack, due_ns, span_ns, n_batch, "
             "is_live, n_window, n_log, blocks, one_thread, settle_ns, n_placement_batches, "
             "max_ns, prefix)\n--\n\n"
             "An open loop (csrc/rig/traffic/flood.h).");

PyDoc_STRVAR(live_doc,
             "live_flood_run($module, /, *, rx, tsc_hz, cpu_tx, cpu_rx, n_frames, n_bytes, "
             "flow_number, n_batch, flow, netns, interface, n_prefix, n_window, n_log, blocks, "
             "settle_ns, n_placement_batches, max_ns)\n--\n\n"
             "Frames made in the kernel (csrc/rig/traffic/live_flood.h).");

PyMethodDef flood_functions[] = {
    {"flood_run", RL_PY_KEYWORDS(flood_run), flood_doc},
    {"live_flood_run", RL_PY_KEYWORDS(live_flood_run), live_doc},
    {NULL, NULL, 0, NULL},
};

/* Round trips and echoes: the loops of csrc/rig/traffic, run without the GIL. */
#include "py/py_traffic.h"
#include "py/module.h"
#include "py/py_port.h"
#include "rig/traffic/echo_run.h"
#include "rig/traffic/ping_run.h"

#include <errno.h>
#include <string.h>

/* ---- Running --------------------------------------------------------------------------------- */

bool py_run_wants_stop(void *arg)
{
    struct py_run *run = arg;

    PyEval_RestoreThread(run->thread);
    run->is_raised = PyErr_CheckSignals() < 0;
    run->thread = PyEval_SaveThread();
    return run->is_raised;
}

/* ---- Results --------------------------------------------------------------------------------- */

static PyObject *placement_object(const struct rl_placement *p)
{
    if (p->n_batches == 0)
        return Py_NewRef(Py_None);
    return PyLong_FromUnsignedLongLong(p->median_mticks);
}

PyObject *py_placements_tuple(const struct rl_placements *p)
{
    return Py_BuildValue("NN", placement_object(&p->before), placement_object(&p->after));
}

PyObject *py_usage_dict(const struct rl_usage *u)
{
    return Py_BuildValue("{s:K,s:K,s:K,s:K,s:K}", "minflt", (unsigned long long)u->minflt, "majflt",
                         (unsigned long long)u->majflt, "nvcsw", (unsigned long long)u->nvcsw,
                         "nivcsw", (unsigned long long)u->nivcsw, "allocs",
                         (unsigned long long)u->n_allocs);
}

PyObject *py_side_dict(const struct rl_run_side *side)
{
    if (!side->is_there)
        return Py_NewRef(Py_None);
    return Py_BuildValue("{s:s,s:s,s:s,s:i,s:N,s:N}", "backend", side->backend, "mode", side->mode,
                         "stamp", rl_stamp_name(side->stamp), "cpu", side->cpu, "usage",
                         py_usage_dict(&side->usage), "stats",
                         core_counters_named(rl_port_counter_names, &side->stats));
}

/* ---- Ping ------------------------------------------------------------------------------------ */

static PyObject *ping_dict(struct core_state *state, const struct rl_ping_result *r)
{
    return Py_BuildValue("{s:N,s:N,s:N,s:N,s:N,s:N,s:N,s:K,s:N}", "rtt",
                         hist_object(state, &r->rtt), "handle", hist_object(state, &r->handle),
                         "ping", core_counters_named(rl_ping_counter_names, &r->ping), "echo",
                         core_counters_named(rl_echo_counter_names, &r->echo), "ping_side",
                         py_side_dict(&r->ping_side), "echo_side", py_side_dict(&r->echo_side),
                         "placement_mticks", py_placements_tuple(&r->placement), "elapsed_ns",
                         (unsigned long long)r->elapsed_ns, "was_stopped",
                         PyBool_FromLong(r->was_stopped));
}

int py_prefix_set(struct rl_prefix *prefix, const char *bytes, Py_ssize_t n)
{
    if (n > RL_PREFIX_MAX) {
        PyErr_Format(PyExc_ValueError, "a prefix has at most %d bytes, not %zd", RL_PREFIX_MAX, n);
        return -1;
    }
    memcpy(prefix->bytes, bytes, (size_t)n);
    prefix->n_bytes = (uint32_t)n;
    return 0;
}

static PyObject *ping_run(PyObject *module, PyObject *args, PyObject *kw)
{
    static char *names[] = {"port",     "echo_port",   "tsc_hz",     "cpu_ping",
                            "cpu_echo", "n_rounds",    "n_warmup",   "n_bytes",
                            "flow",     "seed",        "timeout_ns", "gap_ns",
                            "blocks",   "echo_blocks", "one_thread", "n_placement_batches",
                            "max_ns",   "prefix",      NULL};
    unsigned long long tsc_hz, n_rounds, n_warmup, seed, timeout_ns, gap_ns, max_ns;
    PyObject *port, *echo_port, *held[2] = {NULL, NULL}, *dict = NULL;
    struct rl_ping_result result = {0};
    struct rl_ping_run_config c;
    struct py_run run = {0};
    const char *prefix, *why = NULL;
    int blocks, echo_blocks, one_thread, err;
    struct rl_clock clock;
    Py_ssize_t n_prefix;

    rl_ping_run_config_init(&c);
    if (!PyArg_ParseTupleAndKeywords(args, kw, "$OOKiiKKIIKKKpppIKy#:ping_run", names, &port,
                                     &echo_port, &tsc_hz, &c.cpu_ping, &c.cpu_echo, &n_rounds,
                                     &n_warmup, &c.ping.n_bytes, &c.ping.flow, &seed, &timeout_ns,
                                     &gap_ns, &blocks, &echo_blocks, &one_thread,
                                     &c.n_placement_batches, &max_ns, &prefix, &n_prefix) ||
        py_prefix_set(&c.ping.prefix, prefix, n_prefix) < 0)
        return NULL;
    c.ping.n_rounds = n_rounds;
    c.ping.n_warmup = n_warmup;
    c.ping.seed = seed;
    c.ping.timeout_ns = timeout_ns;
    c.ping.gap_ns = gap_ns;
    c.ping.blocks = blocks;
    c.echo_blocks = echo_blocks;
    c.one_thread = one_thread;
    c.clock = &clock;
    c.bounds =
        (struct rl_run_bounds){.max_ns = max_ns, .wants_stop = py_run_wants_stop, .arg = &run};
    err = rl_clock_from_hz(&clock, tsc_hz);
    if (err)
        return core_raise(module, err, NULL);
    c.port = py_port_borrow(port, &held[0]);
    if (c.port && echo_port != Py_None)
        c.echo_port = py_port_borrow(echo_port, &held[1]);
    if (c.port && (echo_port == Py_None || c.echo_port)) {
        run.thread = PyEval_SaveThread();
        err = rl_ping_run(&result, &c, &why);
        PyEval_RestoreThread(run.thread);
        if (run.is_raised)
            ; /* by the signal: as it is */
        else if (err)
            core_raise(module, err, why);
        else
            dict = ping_dict(PyModule_GetState(module), &result);
        rl_ping_result_close(&result);
    }
    py_port_return(held[0]);
    py_port_return(held[1]);
    return dict;
}

/* ---- Echo ------------------------------------------------------------------------------------ */

static PyObject *echo_run(PyObject *module, PyObject *args, PyObject *kw)
{
    static char *names[] = {"port",     "cpu",    "n_max",  "only_probes",
                            "n_prefix", "blocks", "max_ns", NULL};
    struct rl_echo_result result = {0};
    struct rl_echo_run_config c = {0};
    struct py_run run = {0};
    unsigned long long n_max, max_ns;
    PyObject *port, *held, *dict = NULL;
    int only_probes, blocks, err;
    const char *why = NULL;

    if (!PyArg_ParseTupleAndKeywords(args, kw, "$OiKpIpK:echo_run", names, &port, &c.cpu, &n_max,
                                     &only_probes, &c.n_prefix, &blocks, &max_ns))
        return NULL;
    c.n_max = n_max;
    c.only_probes = only_probes;
    c.blocks = blocks;
    c.bounds =
        (struct rl_run_bounds){.max_ns = max_ns, .wants_stop = py_run_wants_stop, .arg = &run};
    c.port = py_port_borrow(port, &held);
    if (!c.port)
        return NULL;
    run.thread = PyEval_SaveThread();
    err = rl_echo_run(&result, &c, &why);
    PyEval_RestoreThread(run.thread);
    if (run.is_raised)
        ; /* by the signal: as it is */
    else if (err)
        core_raise(module, err, why);
    else
        dict = Py_BuildValue(
            "{s:N,s:N,s:K,s:N}", "echo", core_counters_named(rl_echo_counter_names, &result.echo),
            "side", py_side_dict(&result.side), "elapsed_ns", (unsigned long long)result.elapsed_ns,
            "was_stopped", PyBool_FromLong(result.was_stopped));
    py_port_return(held);
    return dict;
}

/* ---- A datagram ------------------------------------------------------------------------------ */

static PyObject *probe_datagram(PyObject *module, PyObject *args, PyObject *kw)
{
    static char *names[] = {"seq", "n_bytes", "flow", "seed", NULL};
    struct rl_probe_header h = {.magic = RL_PROBE_MAGIC};
    unsigned long long seq, seed;
    unsigned int n_bytes;
    PyObject *bytes;
    uint8_t *buffer;

    (void)module;
    if (!PyArg_ParseTupleAndKeywords(args, kw, "$KIIK:probe_datagram", names, &seq, &n_bytes,
                                     &h.flow, &seed))
        return NULL;
    if (n_bytes < sizeof h || n_bytes > RL_PROBE_MAX)
        return PyErr_Format(PyExc_ValueError, "a datagram of ours has %zu to %u bytes, not %u",
                            sizeof h, RL_PROBE_MAX, n_bytes);
    buffer = PyMem_Malloc(n_bytes);
    if (!buffer)
        return PyErr_NoMemory();
    h.seq = seq;
    rl_probe_write(buffer, &h);
    rl_probe_fill(buffer, n_bytes, &h, seed);
    bytes = PyBytes_FromStringAndSize((const char *)buffer, n_bytes);
    PyMem_Free(buffer);
    return bytes;
}

PyDoc_STRVAR(ping_doc,
             "ping_run($module, /, *, port, echo_port, tsc_hz, cpu_ping, cpu_echo, n_rounds, "
             "n_warmup, n_bytes, flow, seed, timeout_ns, gap_ns, blocks, echo_blocks, one_thread, "
             "n_placement_batches, max_ns, prefix)\n--\n\n"
             "A closed loop (csrc/rig/traffic/ping_run.h).");
PyDoc_STRVAR(echo_doc, "echo_run($module, /, *, port, cpu, n_max, only_probes, n_prefix, blocks, "
                       "max_ns)\n--\n\n"
                       "Sends back what comes (csrc/rig/traffic/echo_run.h).");

PyDoc_STRVAR(datagram_doc, "probe_datagram($module, /, *, seq, n_bytes, flow, seed)\n--\n\n"
                           "What a flood's sender puts into frame `seq`, but for its times.");

PyMethodDef traffic_functions[] = {
    {"ping_run", RL_PY_KEYWORDS(ping_run), ping_doc},
    {"echo_run", RL_PY_KEYWORDS(echo_run), echo_doc},
    {"probe_datagram", RL_PY_KEYWORDS(probe_datagram), datagram_doc},
    {NULL, NULL, 0, NULL},
};

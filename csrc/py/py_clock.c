/* The clock: calibration, quantum, costs and offsets as plain values. */
#include "base/clock.h"

#include "py/module.h"

static PyObject *clock_caps(PyObject *module, PyObject *unused)
{
    struct rl_clock_caps caps;
    int err = rl_clock_check(&caps);

    (void)module;
    (void)unused;
    return Py_BuildValue(
        "{s:O,s:O,s:O,s:O,s:I,s:I,s:I,s:s,s:s}", "trusted", err ? Py_False : Py_True,
        "invariant_tsc", caps.invariant_tsc ? Py_True : Py_False, "rdtscp",
        caps.rdtscp ? Py_True : Py_False, "hypervisor", caps.hypervisor ? Py_True : Py_False,
        "family", caps.family, "model", caps.model, "stepping", caps.stepping, "vendor",
        caps.vendor, "brand", caps.brand);
}

static PyObject *clock_calibrate(PyObject *module, PyObject *args, PyObject *kw)
{
    static char *names[] = {"window_ns", NULL};
    unsigned long long window_ns = 1000000000ULL;
    struct rl_clock clock;
    int64_t disagree_ppb = 0;
    int err;

    if (!PyArg_ParseTupleAndKeywords(args, kw, "|K:clock_calibrate", names, &window_ns))
        return NULL;
    Py_BEGIN_ALLOW_THREADS
    err = rl_clock_calibrate(&clock, window_ns, &disagree_ppb);
    Py_END_ALLOW_THREADS
    if (err)
        return core_raise(module, err, NULL);
    return Py_BuildValue("KL", (unsigned long long)clock.tsc_hz, (long long)disagree_ppb);
}

static PyObject *clock_quantum(PyObject *module, PyObject *unused)
{
    struct rl_clock_quantum q;

    (void)module;
    (void)unused;
    Py_BEGIN_ALLOW_THREADS
    rl_clock_quantum(&q);
    Py_END_ALLOW_THREADS
    return Py_BuildValue("{s:K,s:K,s:K}", "mode_ticks", (unsigned long long)q.mode_ticks,
                         "gcd_ticks", (unsigned long long)q.gcd_ticks, "quantum_ticks",
                         (unsigned long long)q.quantum_ticks);
}

static PyObject *clock_costs(PyObject *module, PyObject *args, PyObject *kw)
{
    static char *names[] = {"n", NULL};
    struct core_state *state = PyModule_GetState(module);
    unsigned long long n = 100000;
    PyObject *costs, *op;

    if (!PyArg_ParseTupleAndKeywords(args, kw, "|K:clock_costs", names, &n))
        return NULL;
    costs = PyDict_New();
    for (int i = 0; costs && i < RL_N_CLOCK_COSTS; i++) {
        struct rl_hist *ticks;

        op = hist_object(state, NULL);
        if (!op) {
            Py_CLEAR(costs);
            break;
        }
        ticks = hist_records(op);
        Py_BEGIN_ALLOW_THREADS
        rl_clock_cost((enum rl_clock_cost)i, n, ticks);
        Py_END_ALLOW_THREADS
        if (core_put(costs, rl_clock_cost_name((enum rl_clock_cost)i), op) < 0)
            Py_CLEAR(costs);
    }
    return costs;
}

static PyObject *clock_offset(PyObject *module, PyObject *args, PyObject *kw)
{
    static char *names[] = {"cpu_a", "cpu_b", "n_rounds", NULL};
    struct rl_clock_offset offset;
    unsigned int n_rounds = 100000;
    int cpu_a, cpu_b, err;

    if (!PyArg_ParseTupleAndKeywords(args, kw, "ii|I:clock_offset", names, &cpu_a, &cpu_b,
                                     &n_rounds))
        return NULL;
    Py_BEGIN_ALLOW_THREADS
    err = rl_clock_offset(cpu_a, cpu_b, n_rounds, &offset);
    Py_END_ALLOW_THREADS
    if (err)
        return core_raise(module, err, NULL);
    return Py_BuildValue("{s:L,s:K,s:K,s:K}", "offset_ticks", (long long)offset.offset_ticks,
                         "bound_ticks", (unsigned long long)offset.bound_ticks, "rtt_ticks",
                         (unsigned long long)offset.rtt_ticks, "n_violations",
                         (unsigned long long)offset.n_violations);
}

PyDoc_STRVAR(caps_doc, "clock_caps($module, /)\n--\n\nWhat CPUID says of the time stamp counter.");
PyDoc_STRVAR(calibrate_doc, "clock_calibrate($module, /, window_ns=1000000000)\n--\n\n"
                            "(tsc_hz, ppb by which two windows disagree); sleeps two windows.");
PyDoc_STRVAR(quantum_doc, "clock_quantum($module, /)\n--\n\nThe step in which the counter moves.");
PyDoc_STRVAR(costs_doc, "clock_costs($module, /, n=100000)\n--\n\n"
                        "Name -> Hist in ticks of n empty fenced pairs and clock reads.");
PyDoc_STRVAR(offset_doc, "clock_offset($module, /, cpu_a, cpu_b, n_rounds=100000)\n--\n\n"
                         "How far cpu_b's counter is ahead of cpu_a's, and its bound, in ticks.");

PyMethodDef clock_functions[] = {
    {"clock_caps", clock_caps, METH_NOARGS, caps_doc},
    {"clock_calibrate", RL_PY_KEYWORDS(clock_calibrate), calibrate_doc},
    {"clock_quantum", clock_quantum, METH_NOARGS, quantum_doc},
    {"clock_costs", RL_PY_KEYWORDS(clock_costs), costs_doc},
    {"clock_offset", RL_PY_KEYWORDS(clock_offset), offset_doc},
    {NULL, NULL, 0, NULL},
};

/* What the host takes away: noise, neighbour and placement probes. */
#include "rig/trial/probe.h"

#include "py/module.h"

#include <errno.h>
#include <stdlib.h>

#define MAX_PROBES 64
#define MAX_GAPS (1U << 20) /* a CPU; a second of a busy guest has a few thousand */

static int cpu_list(PyObject *sequence, int *cpus)
{
    Py_ssize_t n = PySequence_Size(sequence);

    if (n < 0)
        return -1;
    if (n == 0 || n > MAX_PROBES) {
        PyErr_Format(PyExc_ValueError, "1 to %d CPUs can be probed at once, not %zd", MAX_PROBES,
                     n);
        return -1;
    }
    for (Py_ssize_t i = 0; i < n; i++) {
        PyObject *item = PySequence_GetItem(sequence, i);

        if (!item)
            return -1;
        cpus[i] = (int)PyLong_AsLong(item);
        Py_DECREF(item);
        if (PyErr_Occurred())
            return -1;
    }
    return (int)n;
}

static PyObject *noise_dict(const struct rl_noise *p)
{
    uint64_t n_kept = p->n_gaps - p->n_dropped;

    return Py_BuildValue(
        "{s:i,s:K,s:K,s:K,s:K,s:K,s:K,s:K,s:K,s:K,s:K,s:y#}", "cpu", p->cpu, "threshold_ticks",
        (unsigned long long)p->threshold_ticks, "n_gaps", (unsigned long long)p->n_gaps,
        "n_dropped", (unsigned long long)p->n_dropped, "lost_ticks",
        (unsigned long long)p->lost_ticks, "max_ticks", (unsigned long long)p->max_ticks,
        "elapsed_ticks", (unsigned long long)p->elapsed_ticks, "tsc_start",
        (unsigned long long)p->tsc_start, "nvcsw", (unsigned long long)p->usage.nvcsw, "nivcsw",
        (unsigned long long)p->usage.nivcsw, "minflt", (unsigned long long)p->usage.minflt, "gaps",
        (const char *)p->gaps, (Py_ssize_t)(n_kept * sizeof(struct rl_gap)));
}

static PyObject *probe_noise(PyObject *module, PyObject *args, PyObject *kw)
{
    static char *names[] = {"cpus", "duration_ns", "tsc_hz", NULL};
    struct rl_noise probes[MAX_PROBES] = {0};
    unsigned long long duration_ns, tsc_hz;
    struct rl_clock clock;
    int cpus[MAX_PROBES], n, err;
    PyObject *list, *result = NULL;

    if (!PyArg_ParseTupleAndKeywords(args, kw, "OKK:probe_noise", names, &list, &duration_ns,
                                     &tsc_hz))
        return NULL;
    n = cpu_list(list, cpus);
    if (n < 0)
        return NULL;
    err = rl_clock_from_hz(&clock, tsc_hz);
    for (int i = 0; i < n && !err; i++) {
        probes[i].cpu = cpus[i];
        probes[i].max_gaps = MAX_GAPS;
        probes[i].gaps = calloc(MAX_GAPS, sizeof(*probes[i].gaps));
        if (!probes[i].gaps)
            err = -ENOMEM;
    }
    if (!err) {
        Py_BEGIN_ALLOW_THREADS
        err = rl_noise_probe(probes, (uint32_t)n, duration_ns, &clock, NULL);
        Py_END_ALLOW_THREADS
    }
    if (err) {
        core_raise(module, err, NULL);
    } else {
        result = PyList_New(0);
        for (int i = 0; i < n && result; i++) {
            PyObject *probe = noise_dict(&probes[i]);

            if (!probe || PyList_Append(result, probe) < 0)
                Py_CLEAR(result);
            Py_XDECREF(probe);
        }
    }
    for (int i = 0; i < n; i++)
        free(probes[i].gaps);
    return result;
}

static PyObject *probe_neighbour(PyObject *module, PyObject *args, PyObject *kw)
{
    static char *names[] = {"cpu", "n", "tsc_hz", NULL};
    unsigned long long tsc_hz;
    struct rl_neighbour nb = {0};
    struct rl_clock clock;
    unsigned int n;
    uint64_t *ticks, n_quiet = 0;
    PyObject *result = NULL;
    int cpu, err;

    if (!PyArg_ParseTupleAndKeywords(args, kw, "iIK:probe_neighbour", names, &cpu, &n, &tsc_hz))
        return NULL;
    err = rl_clock_from_hz(&clock, tsc_hz);
    if (err || n == 0)
        return core_raise(module, err ? err : -EINVAL, NULL);
    ticks = calloc(n, sizeof(*ticks));
    if (!ticks)
        return PyErr_NoMemory();
    Py_BEGIN_ALLOW_THREADS
    err = rl_neighbour_survey(cpu, ticks, n, &clock, &nb);
    Py_END_ALLOW_THREADS
    if (err) {
        core_raise(module, err, NULL);
    } else {
        for (unsigned i = 0; i < n; i++)
            n_quiet += rl_neighbour_is_quiet(&nb, ticks[i]);
        result = Py_BuildValue("{s:i,s:K,s:I,s:K,s:y#}", "cpu", cpu, "n_quiet",
                               (unsigned long long)n_quiet, "n", n, "best_ticks",
                               (unsigned long long)nb.best_ticks, "ticks", (const char *)ticks,
                               (Py_ssize_t)(n * sizeof(*ticks)));
    }
    free(ticks);
    return result;
}

static PyObject *probe_placement(PyObject *module, PyObject *args, PyObject *kw)
{
    static char *names[] = {"cpu_a", "cpu_b", "n_batches", NULL};
    struct rl_placement placement;
    unsigned int n_batches = 100;
    int cpu_a, cpu_b, err;

    if (!PyArg_ParseTupleAndKeywords(args, kw, "ii|I:probe_placement", names, &cpu_a, &cpu_b,
                                     &n_batches))
        return NULL;
    Py_BEGIN_ALLOW_THREADS
    err = rl_placement_probe(cpu_a, cpu_b, n_batches, &placement);
    Py_END_ALLOW_THREADS
    if (err)
        return core_raise(module, err, NULL);
    return Py_BuildValue("{s:K,s:K,s:K}", "min_mticks", (unsigned long long)placement.min_mticks,
                         "median_mticks", (unsigned long long)placement.median_mticks, "max_mticks",
                         (unsigned long long)placement.max_mticks);
}

PyDoc_STRVAR(noise_doc, "probe_noise($module, /, cpus, duration_ns, tsc_hz)\n--\n\n"
                        "Spin on all cpus at once; a dict each, `gaps` as (tsc, ticks) uint64.");
PyDoc_STRVAR(neighbour_doc, "probe_neighbour($module, /, cpu, n, tsc_hz)\n--\n\n"
                            "n probes of independent additions and how many ran at full speed.");
PyDoc_STRVAR(placement_doc, "probe_placement($module, /, cpu_a, cpu_b, n_batches=100)\n--\n\n"
                            "Round trip of one cache line, in thousandths of a tick.");

PyMethodDef probe_functions[] = {
    {"probe_noise", RL_PY_KEYWORDS(probe_noise), noise_doc},
    {"probe_neighbour", RL_PY_KEYWORDS(probe_neighbour), neighbour_doc},
    {"probe_placement", RL_PY_KEYWORDS(probe_placement), placement_doc},
    {NULL, NULL, 0, NULL},
};

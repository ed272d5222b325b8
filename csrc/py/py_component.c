/* Single operations, timed: histograms and the facts that judging them needs, in one dict. */
#include "rig/component/canary.h"
#include "rig/component/component.h"

#include "py/dict.h"
#include "py/module.h"
#include "py/py_stream.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static int by_name(const char *name, const char *(*name_of)(unsigned), unsigned n, const char *what)
{
    for (unsigned i = 0; i < n; i++) {
        if (strcmp(name_of(i), name) == 0)
            return (int)i;
    }
    PyErr_Format(PyExc_ValueError, "no %s '%s'", what, name);
    return -1;
}

static int way_by_name(const char *name)
{
    for (unsigned i = 0; rl_risk_way_name(i) != NULL; i++) {
        if (strcmp(rl_risk_way_name(i), name) == 0)
            return (int)i;
    }
    PyErr_Format(PyExc_ValueError, "no way to be refused '%s'", name);
    return -1;
}

static PyObject *hists_dict(struct core_state *state, const struct rl_component_result *r)
{
    PyObject *dict = PyDict_New();

    for (unsigned i = 0; dict && i < RL_N_COMPONENT_HISTS; i++) {
        if (core_put(dict, rl_component_hist_name(i), hist_object(state, &r->hist[i])) < 0)
            Py_CLEAR(dict);
    }
    return dict;
}

static PyObject *mix_dict(enum rl_component component, const struct rl_component_result *r)
{
    PyObject *dict = PyDict_New();

    for (unsigned i = 0; dict && i < RL_COMPONENT_MAX_MIX; i++) {
        const char *name = rl_component_mix_name(component, i);

        if (!name)
            break;
        if (core_put(dict, name, PyLong_FromUnsignedLongLong(r->mix[i])) < 0)
            Py_CLEAR(dict);
    }
    return dict;
}

/* The medians of the blocks that were discarded before anything counted. */
static PyObject *warmup_list(const struct rl_component_result *r)
{
    PyObject *list = PyList_New(0);

    for (uint32_t i = 0; list && i < r->n_warmup_blocks; i++) {
        PyObject *median = PyLong_FromUnsignedLongLong(r->warmup_mticks[i]);

        if (!median || PyList_Append(list, median) < 0)
            Py_CLEAR(list);
        Py_XDECREF(median);
    }
    return list;
}

static PyObject *result_dict(struct core_state *state, enum rl_component component,
                             const struct rl_component_result *r)
{
    PyObject *dict = Py_BuildValue("{s:N,s:N,s:N}", "hists", hists_dict(state, r), "mix",
                                   mix_dict(component, r), "warmup_mticks", warmup_list(r));
    const struct {
        const char *name;
        uint64_t value;
    } facts[] = {
        {"n_ops", r->n_ops},
        {"n_inputs", r->n_inputs},
        {"n_input_bytes", r->n_input_bytes},
        {"batch_n_ops", r->batch_n_ops},
        {"floor_chain_mticks", r->floor_chain_mticks},
        {"floor_tput_mticks", r->floor_tput_mticks},
        {"n_replay_ops", r->n_replay_ops},
        {"replay_fastest_mticks", r->replay_fastest_mticks},
        {"replay_mean_mticks", r->replay_mean_mticks},
        {"first_op_ticks", r->first_op_ticks},
        {"quantum_ticks", r->quantum_ticks},
        {"n_chunks", r->n_chunks},
        {"n_quiet_chunks", r->n_quiet_chunks},
        {"answer_hash", r->answer_hash},
        {"n_wrong", r->n_wrong},
        {"warmup_ns", r->warmup_ns},
        {"warmup_settled", r->warmup_settled},
        {"n_live_orders", r->n_live_orders},
        {"n_levels", r->n_levels},
        {"allocs", r->usage.n_allocs},
        {"minflt", r->usage.minflt},
        {"majflt", r->usage.majflt},
        {"nivcsw", r->usage.nivcsw},
    };

    for (size_t i = 0; dict && i < RL_COUNT(facts); i++) {
        if (core_put(dict, facts[i].name, PyLong_FromUnsignedLongLong(facts[i].value)) < 0)
            Py_CLEAR(dict);
    }
    return dict;
}

/* Runs with memory of its own for the histograms; *out points into *counts, the caller frees both.
 */
static int run(const struct rl_component_config *config, struct rl_component_result **out,
               uint64_t **counts)
{
    size_t n_bytes = rl_component_hist_bytes();
    int err;

    *counts = malloc(n_bytes);
    *out = calloc(1, sizeof(**out));
    if (!*counts || !*out)
        return -ENOMEM;
    err = rl_component_result_init(*out, *counts, n_bytes);
    return err ? err : rl_component_run(config, *out);
}

static PyObject *component(PyObject *module, PyObject *args, PyObject *kw)
{
    static char *names[] = {
        "name",        "regime",        "cpu",           "seed",          "tsc_hz",
        "duration_ns", "warmup_min_ns", "warmup_max_ns", "n_instruments", "n_orders",
        "stream",      "dictionary",    "refused_for",   "is_replayed",   NULL};
    struct rl_component_config config = {0};
    struct rl_component_result *out = NULL;
    struct py_stream stream = {0};
    struct rl_clock clock;
    unsigned long long seed, tsc_hz, duration_ns, warmup_min_ns, warmup_max_ns;
    unsigned int n_instruments, n_orders;
    const char *name, *regime, *refused_for;
    uint64_t *counts = NULL;
    PyObject *stream_op = Py_None, *dict_op = Py_None, *result = NULL;
    int which, order, way, is_replayed, err;

    if (!PyArg_ParseTupleAndKeywords(args, kw, "$ssiKKKKKIIOOsp:component", names, &name, &regime,
                                     &config.cpu, &seed, &tsc_hz, &duration_ns, &warmup_min_ns,
                                     &warmup_max_ns, &n_instruments, &n_orders, &stream_op,
                                     &dict_op, &refused_for, &is_replayed))
        return NULL;
    which = by_name(name, rl_component_name, RL_N_COMPONENTS, "component");
    if (which < 0)
        return NULL;
    order = by_name(regime, rl_regime_name, RL_N_REGIMES, "regime");
    if (order < 0)
        return NULL;
    way = way_by_name(refused_for);
    if (way < 0)
        return NULL;
    if (dict_op != Py_None && !(config.dict = dict_of(dict_op)))
        return NULL;
    if (stream_op != Py_None && py_stream_get(stream_op, &stream) < 0)
        return NULL;
    config.component = (enum rl_component)which;
    config.regime = (enum rl_regime)order;
    config.risk_way = (uint8_t)way;
    config.seed = seed;
    config.clock = &clock;
    config.stream = stream_op == Py_None ? NULL : &stream.stream;
    config.books = (struct rl_books_config){.n_instruments = n_instruments,
                                            .n_orders = n_orders,
                                            .n_levels_per_side = 1U << 14,
                                            .n_levels = n_orders / 2};
    config.warmup_min_ns = warmup_min_ns;
    config.warmup_max_ns = warmup_max_ns;
    config.duration_ns = duration_ns;
    config.is_not_replayed = !is_replayed;
    err = rl_clock_from_hz(&clock, tsc_hz);
    if (!err) {
        Py_BEGIN_ALLOW_THREADS
        err = run(&config, &out, &counts);
        Py_END_ALLOW_THREADS
    }
    if (err)
        core_raise(module, err, NULL);
    else
        result = result_dict(PyModule_GetState(module), config.component, out);
    free(out);
    free(counts);
    py_stream_release(&stream);
    return result;
}

PyDoc_STRVAR(component_doc,
             "component($module, /, *, name, regime, cpu, seed, tsc_hz, duration_ns, "
             "warmup_min_ns, warmup_max_ns, n_instruments, n_orders, stream, dictionary, "
             "refused_for, is_replayed)\n--\n\n"
             "Measure one operation on its own pinned thread; histograms and facts by name.");

static PyObject *reading_dict(const struct rl_canary_reading *r)
{
    return Py_BuildValue("{s:K,s:K,s:I,s:I}", "best_uticks", (unsigned long long)r->best_uticks,
                         "median_uticks", (unsigned long long)r->median_uticks, "n_chunks",
                         r->n_chunks, "n_quiet_chunks", r->n_quiet_chunks);
}

static PyObject *canary(PyObject *module, PyObject *args, PyObject *kw)
{
    static char *names[] = {"cpu", "duration_ns", "tsc_hz", NULL};
    unsigned long long duration_ns, tsc_hz;
    struct rl_canary found;
    struct rl_clock clock;
    int cpu, err;

    if (!PyArg_ParseTupleAndKeywords(args, kw, "iKK:canary", names, &cpu, &duration_ns, &tsc_hz))
        return NULL;
    err = rl_clock_from_hz(&clock, tsc_hz);
    if (!err) {
        Py_BEGIN_ALLOW_THREADS
        err = rl_canary_run(cpu, duration_ns, &clock, &found);
        Py_END_ALLOW_THREADS
    }
    if (err)
        return core_raise(module, err, NULL);
    return Py_BuildValue("{s:N,s:N,s:s}", "cpu", reading_dict(&found.cpu), "mem",
                         reading_dict(&found.mem), "source_sha256", RL_CANARY_SHA256);
}

PyDoc_STRVAR(canary_doc, "canary($module, /, cpu, duration_ns, tsc_hz)\n--\n\n"
                         "Two frozen loops on one CPU, half of the duration each; readings and the "
                         "hash of their source.");

PyMethodDef component_functions[] = {
    {"canary", RL_PY_KEYWORDS(canary), canary_doc},
    {"component", RL_PY_KEYWORDS(component), component_doc},
    {NULL, NULL, 0, NULL},
};

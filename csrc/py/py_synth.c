/* The seeded market: its tables come in as int32 buffers by name, the stream goes out as bytes. */
#include "rig/synth/synth.h"

#include "py/module.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Views of the caller's tables, held while C reads them. */
struct tables {
    Py_buffer views[RL_SYNTH_N_TABLES];
    int n;
};

static void tables_release(struct tables *t)
{
    while (t->n > 0)
        PyBuffer_Release(&t->views[--t->n]);
}

static int tables_get(struct tables *t, PyObject *dict, struct rl_synth_config *config)
{
    for (t->n = 0; t->n < RL_SYNTH_N_TABLES; t->n++) {
        const char *name = rl_synth_table_name((unsigned)t->n);
        PyObject *value = PyDict_GetItemString(dict, name); /* borrowed */
        Py_buffer *view = &t->views[t->n];

        if (!value) {
            PyErr_Format(PyExc_ValueError, "the calibration has no table '%s'", name);
            return -1;
        }
        if (PyObject_GetBuffer(value, view, PyBUF_FORMAT | PyBUF_C_CONTIGUOUS) < 0)
            return -1;
        if (view->itemsize != sizeof(int32_t) || !view->format || strcmp(view->format, "i") != 0) {
            PyErr_Format(PyExc_ValueError, "table '%s' is not int32", name);
            PyBuffer_Release(view);
            return -1;
        }
        config->tables[t->n].values = view->buf;
        config->tables[t->n].n = (uint32_t)(view->len / view->itemsize);
    }
    return 0;
}

static int weights_get(PyObject *dict, uint32_t *weights)
{
    for (unsigned i = 0; i < RL_SYNTH_N_OPS; i++) {
        PyObject *value = PyDict_GetItemString(dict, rl_synth_op_name(i)); /* borrowed */
        unsigned long weight;

        if (!value) {
            PyErr_Format(PyExc_ValueError, "the calibration has no count of '%s'",
                         rl_synth_op_name(i));
            return -1;
        }
        weight = PyLong_AsUnsignedLong(value);
        if (PyErr_Occurred())
            return -1;
        if (weight > UINT32_MAX) {
            PyErr_SetString(PyExc_ValueError, "a count beyond 32 bits");
            return -1;
        }
        weights[i] = (uint32_t)weight;
    }
    return 0;
}

static PyObject *stats_dict(const struct rl_synth_stats *s)
{
    PyObject *dict = Py_BuildValue(
        "{s:K,s:K,s:K,s:K,s:I,s:I,s:K}", "prefix", (unsigned long long)s->n_prefix, "repairs",
        (unsigned long long)s->n_fixups, "wide", (unsigned long long)s->n_wide, "price_changes",
        (unsigned long long)s->n_px_changes, "live_min", s->n_live_min, "live_max", s->n_live_max,
        "last_id", (unsigned long long)s->last_id);

    for (unsigned i = 0; dict && i < RL_SYNTH_N_OPS; i++) {
        if (core_put(dict, rl_synth_op_name(i), PyLong_FromUnsignedLongLong(s->counts[i])) < 0)
            Py_CLEAR(dict);
    }
    return dict;
}

/* Writes the stream with working memory of its own; the caller frees *bytes and *recs. */
static int synth_write(const struct rl_synth_config *config, uint8_t **bytes,
                       struct rl_stream_rec **recs, struct rl_stream *stream,
                       struct rl_synth_stats *stats)
{
    struct rl_synth_sizes sizes;
    struct rl_arena arena;
    int err = rl_synth_sizes(config, &sizes);

    if (err)
        return err;
    err = rl_arena_open(&arena, sizes.work_bytes, 0);
    if (err)
        return err;
    *bytes = malloc(sizes.stream_bytes);
    *recs = malloc(sizes.n_recs * sizeof(**recs));
    err = *bytes && *recs ? rl_synth_write(config, &arena, *bytes, sizes.stream_bytes, *recs,
                                           sizes.n_recs, stream, stats)
                          : -ENOMEM;
    rl_arena_close(&arena);
    return err;
}

static PyObject *synth(PyObject *module, PyObject *args, PyObject *kw)
{
    static char *names[] = {"seed",
                            "n_body",
                            "mean_gap_ns",
                            "n_instruments",
                            "n_live_orders",
                            "is_fix",
                            "weights",
                            "px_change_permille",
                            "reprice_keeps_qty_permille",
                            "last_fill_part_permille",
                            "attributed_permille",
                            "priced_permille",
                            "tables",
                            NULL};
    struct rl_synth_config config = {0};
    struct rl_synth_stats stats;
    struct rl_stream stream;
    struct rl_stream_rec *recs = NULL;
    struct tables tables = {.n = 0};
    unsigned long long seed, n_body, mean_gap_ns;
    unsigned int n_instruments, n_live_orders;
    uint8_t *bytes = NULL;
    PyObject *weights, *table_dict, *result = NULL;
    int is_fix, err;

    if (!PyArg_ParseTupleAndKeywords(
            args, kw, "$KKKIIpO!HHHHHO!:synth", names, &seed, &n_body, &mean_gap_ns, &n_instruments,
            &n_live_orders, &is_fix, &PyDict_Type, &weights, &config.px_change_permille,
            &config.reprice_keeps_qty_permille, &config.last_fill_part_permille,
            &config.attributed_permille, &config.priced_permille, &PyDict_Type, &table_dict))
        return NULL;
    config.seed = seed;
    config.n_body = n_body;
    config.mean_gap_ns = mean_gap_ns;
    config.n_instruments = n_instruments;
    config.n_live_orders = n_live_orders;
    config.format = is_fix ? RL_SYNTH_FIX : RL_SYNTH_ITCH;
    if (weights_get(weights, config.weights) < 0 || tables_get(&tables, table_dict, &config) < 0)
        goto out;
    Py_BEGIN_ALLOW_THREADS
    err = synth_write(&config, &bytes, &recs, &stream, &stats);
    Py_END_ALLOW_THREADS
    if (err)
        core_raise(module, err,
                   err == -EINVAL ? "a synthetic stream of these sizes cannot be made" : NULL);
    else
        result = Py_BuildValue("y#y#KN", bytes, (Py_ssize_t)stream.n_bytes, recs,
                               (Py_ssize_t)(stream.n_recs * sizeof(*recs)),
                               (unsigned long long)stream.loop_from, stats_dict(&stats));
out:
    free(bytes);
    free(recs);
    tables_release(&tables);
    return result;
}

PyDoc_STRVAR(
    synth_doc,
    "synth($module, /, *, seed, n_body, mean_gap_ns, n_instruments, n_live_orders, is_fix, "
    "weights, px_change_permille, reprice_keeps_qty_permille, last_fill_part_permille, "
    "attributed_permille, priced_permille, tables)\n--\n\n"
    "(messages, index of 24 bytes a record, record to loop from, statistics).");

PyMethodDef synth_functions[] = {
    {"synth", RL_PY_KEYWORDS(synth), synth_doc},
    {NULL, NULL, 0, NULL},
};

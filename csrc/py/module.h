/*
 * module - what the files of the extension share. The only layer that includes Python.h.
 *
 * One file a Python type or a group of functions; every call releases the GIL while C works for
 * longer than microseconds; no thread of ours ever calls into Python.
 */
#ifndef RL_PY_MODULE_H
#define RL_PY_MODULE_H

#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include "base/hist.h"

struct core_state {
    PyObject *error; /* engine.EngineError, an OSError */
    PyTypeObject *hist_type;
    PyTypeObject *trial_type;
    PyTypeObject *player_type;
    PyTypeObject *books_type;
    PyTypeObject *views_type;
    PyTypeObject *dictionary_type;
    PyTypeObject *feed_type;
    PyTypeObject *audit_writer_type;
    PyTypeObject *order_table_type;
    PyTypeObject *oms_type;
    PyTypeObject *ledger_type;
    PyTypeObject *kill_type;
    PyTypeObject *match_type;
    PyTypeObject *exchange_type;
    PyTypeObject *fix_session_type;
    PyTypeObject *fix_acceptor_type;
    PyTypeObject *port_type;
    PyTypeObject *impair_type;
    PyTypeObject *xdp_type;
    PyTypeObject *wire_type;
};

/* Functions that each file adds to the module; NULL-terminated. */
extern PyMethodDef clock_functions[], market_functions[], synth_functions[], probe_functions[],
    component_functions[], fix_functions[], book_functions[], itch_functions[],
    dictionary_functions[], fix_value_functions[], itch_field_functions[], ouch_functions[],
    trade_table_functions[], oms_functions[], limits_functions[], audit_functions[],
    ledger_functions[], kill_functions[], match_functions[], drill_functions[], session_functions[],
    port_functions[], traffic_functions[], flood_functions[], frame_functions[], wire_functions[],
    port_config_functions[];

extern PyType_Spec hist_spec, trial_spec, player_spec, books_spec, views_spec, dictionary_spec,
    feed_spec, order_table_spec, audit_writer_spec, oms_spec, ledger_spec, kill_spec, match_spec,
    fix_session_spec, fix_acceptor_spec, exchange_spec, port_spec, impair_spec, xdp_spec, wire_spec;

/* Raises EngineError(errno, text) for a negative errno and returns NULL; `what` may be NULL. */
PyObject *core_raise(PyObject *module, int err, const char *what);

/* A new engine._core.Hist with the records of `from` (empty when NULL). */
PyObject *hist_object(struct core_state *state, const struct rl_hist *from);

/* The recorder inside a Hist made by hist_object; lives as long as the object. */
struct rl_hist *hist_records(PyObject *op);

/* dict[name] = value, stealing the reference to value; -1 with an exception. */
int core_put(PyObject *dict, const char *name, PyObject *value);

/* A dict of names[i] -> values[i], n pairs of unsigned 64-bit counters. */
PyObject *core_counters(const char *const *names, const uint64_t *values, size_t n);

/* The same where the names end with NULL; one-writer counters, read as they stand. */
PyObject *core_counters_named(const char *const *names, const void *counters);

/* -1 with an exception unless seconds are 0 to 1e9. */
int core_timeout_ns(double seconds, uint64_t *ns);

/* What a wait that returned `err` gives Python: True, False when time ran out, or an exception. */
PyObject *core_waited(PyObject *module, int err);

/* A converter for "O&": a path as bytes, NULL for None; the caller's when all arguments are taken.
 */
int core_path_get(PyObject *op, void *path);

/* METH_VARARGS | METH_KEYWORDS without a cast warning. */
#define RL_PY_KEYWORDS(function) \
    (PyCFunction)(void (*)(void))(function), METH_VARARGS | METH_KEYWORDS

#endif

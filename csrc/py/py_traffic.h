/*
 * py_traffic - what the runs of traffic share: a signal ends them, and results become dicts.
 */
#ifndef RL_PY_TRAFFIC_H
#define RL_PY_TRAFFIC_H

#include "py/module.h"

struct rl_placements;
struct rl_prefix;
struct rl_run_side;
struct rl_usage;

/* The thread of Python that waits for a run, without the GIL. */
struct py_run {
    PyThreadState *thread;
    bool is_raised; /* a signal came, and its handler raised */
};

/* Asked by that thread in between: takes the GIL and looks for signals. `arg` is a struct py_run.
 */
bool py_run_wants_stop(void *arg);

/* Thousandths of a tick before and after, None where not probed. */
PyObject *py_placements_tuple(const struct rl_placements *p);
PyObject *py_usage_dict(const struct rl_usage *u);
PyObject *py_side_dict(const struct rl_run_side *side); /* None when there was none */

/* -1 with an exception when it is too long. */
int py_prefix_set(struct rl_prefix *prefix, const char *bytes, Py_ssize_t n);

#endif

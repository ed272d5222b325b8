/* A day at an exchange that misbehaves, in virtual time. */
#include "rig/drill/drill.h"

#include "py/py_mischief.h"

#include <string.h>

static int read_config(PyObject *dict, struct rl_drill_config *c)
{
    const struct py_dict_number numbers[] = {
        {"seed", UINT64_MAX, NULL, &c->seed},
        {"n_desks", UINT32_MAX, &c->n_desks, NULL},
        {"n_instruments", UINT32_MAX, &c->n_instruments, NULL},
        {"duration_ns", INT64_MAX, NULL, &c->duration_ns},
        {"step_ns", INT64_MAX, NULL, &c->step_ns},
        {"actions_per_s", UINT32_MAX, &c->actions_per_s, NULL},
        {"md_loss_chance", RL_MISCHIEF_MILLION, &c->md_loss_chance, NULL},
        {"heartbeat_s", 3600, &c->heartbeat_s, NULL},
    };

    return py_dict_numbers(dict, numbers, RL_COUNT(numbers));
}

static PyObject *rows_list(const struct rl_drill_result *r)
{
    PyObject *list = PyList_New(RL_DRILL_N_ROWS);

    for (int i = 0; list && i < RL_DRILL_N_ROWS; i++) {
        PyObject *row = Py_BuildValue("(ssKK)", rl_drill_row_names[i], rl_drill_row_texts[i],
                                      (unsigned long long)r->rows[i].injected,
                                      (unsigned long long)r->rows[i].observed);

        if (!row || PyList_SetItem(list, i, row) < 0)
            Py_CLEAR(list);
    }
    return list;
}

static PyObject *checks_list(const struct rl_drill_result *r)
{
    PyObject *list = PyList_New(RL_DRILL_N_CHECKS);

    for (int i = 0; list && i < RL_DRILL_N_CHECKS; i++) {
        PyObject *check = Py_BuildValue("(ssNs)", rl_drill_check_names[i], rl_drill_check_texts[i],
                                        PyBool_FromLong(r->checks[i].holds), r->checks[i].what);

        if (!check || PyList_SetItem(list, i, check) < 0)
            Py_CLEAR(list);
    }
    return list;
}

static PyObject *result_dict(const struct rl_drill_result *r)
{
    uint64_t values[sizeof r->n / sizeof(uint64_t)];
    PyObject *dict = PyDict_New();

    memcpy(values, &r->n, sizeof values);
    if (!dict || core_put(dict, "rows", rows_list(r)) < 0 ||
        core_put(dict, "checks", checks_list(r)) < 0 ||
        core_put(dict, "counters",
                 core_counters(rl_drill_counter_names, values, RL_COUNT(values))) < 0 ||
        core_put(dict, "hash", PyLong_FromUnsignedLongLong(r->hash)) < 0 ||
        core_put(dict, "holds", PyBool_FromLong(r->holds)) < 0)
        Py_CLEAR(dict);
    return dict;
}

static PyObject *drill_run(PyObject *module, PyObject *args)
{
    struct rl_drill_config config = {0};
    struct rl_drill_result result;
    struct py_mischief mischief;
    PyObject *dict, *mischief_dict;
    const char *why = NULL;
    int err;

    if (!PyArg_ParseTuple(args, "O!O:drill_run", &PyDict_Type, &dict, &mischief_dict) ||
        read_config(dict, &config) < 0 || py_mischief_read(&mischief, mischief_dict) < 0)
        return NULL;
    config.mischief = mischief.config;
    Py_BEGIN_ALLOW_THREADS
    err = rl_drill_run(&config, &result, &why);
    Py_END_ALLOW_THREADS
    py_mischief_release(&mischief);
    return err ? core_raise(module, err, why) : result_dict(&result);
}

PyMethodDef drill_functions[] = {
    {"drill_run", drill_run, METH_VARARGS,
     "drill_run(config, mischief): rows, checks, counters, hash and whether all of it holds."},
    {NULL, NULL, 0, NULL},
};

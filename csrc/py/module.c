#include "py/module.h"

#include "base/cpu.h"

#include <errno.h>
#include <string.h>

PyObject *core_raise(PyObject *module, int err, const char *what)
{
    struct core_state *state = PyModule_GetState(module);
    PyObject *value;

    value = Py_BuildValue("(is)", -err, what && *what ? what : strerror(-err));
    if (value) {
        PyErr_SetObject(state->error, value);
        Py_DECREF(value);
    }
    return NULL;
}

int core_put(PyObject *dict, const char *name, PyObject *value)
{
    int err;

    if (!value)
        return -1;
    err = PyDict_SetItemString(dict, name, value);
    Py_DECREF(value);
    return err;
}

PyObject *core_counters(const char *const *names, const uint64_t *values, size_t n)
{
    PyObject *dict = PyDict_New();

    for (size_t i = 0; dict && i < n; i++) {
        if (core_put(dict, names[i], PyLong_FromUnsignedLongLong(values[i])) < 0)
            Py_CLEAR(dict);
    }
    return dict;
}

PyObject *core_counters_named(const char *const *names, const void *counters)
{
    size_t n = 0;

    while (names[n])
        n++;
    return core_counters(names, (const uint64_t *)counters, n);
}

int core_path_get(PyObject *op, void *path)
{
    if (op != Py_None)
        return PyUnicode_FSConverter(op, path); /* NULL: a later argument was wrong, take it back */
    *(PyObject **)path = NULL;
    return 1;
}

int core_timeout_ns(double seconds, uint64_t *ns)
{
    if (!(seconds >= 0 && seconds < 1e9)) {
        PyErr_SetString(PyExc_ValueError, "a timeout is 0 to 1e9 seconds");
        return -1;
    }
    *ns = (uint64_t)(seconds * 1e9);
    return 0;
}

PyObject *core_waited(PyObject *module, int err)
{
    if (err == -EINTR && PyErr_CheckSignals() < 0)
        return NULL;
    if (err && err != -ETIMEDOUT && err != -EINTR)
        return core_raise(module, err, NULL);
    return PyBool_FromLong(err == 0);
}

/* The type made from spec, added to the module; the state keeps a reference. */
static PyTypeObject *core_type(PyObject *module, PyType_Spec *spec)
{
    PyTypeObject *type = (PyTypeObject *)PyType_FromModuleAndSpec(module, spec, NULL);

    if (type && PyModule_AddType(module, type) < 0)
        Py_CLEAR(type);
    return type;
}

static int core_exec(PyObject *module)
{
    struct core_state *state = PyModule_GetState(module);
    PyMethodDef *groups[] = {
        clock_functions,       market_functions,    synth_functions,      probe_functions,
        component_functions,   fix_functions,       book_functions,       itch_functions,
        dictionary_functions,  fix_value_functions, itch_field_functions, ouch_functions,
        trade_table_functions, oms_functions,       limits_functions,     audit_functions,
        ledger_functions,      kill_functions,      match_functions,      session_functions,
        drill_functions,       port_functions,      traffic_functions,    flood_functions,
        frame_functions,       wire_functions,      port_config_functions};
    const char *missing = rl_cpu_missing();

    if (missing) {
        PyErr_Format(PyExc_ImportError,
                     "engine was built for %s and this CPU lacks %s: build it here, or with "
                     "-C cmake.define.RL_MARCH=x86-64-v2",
                     RL_MARCH, missing);
        return -1;
    }
    state->error = PyErr_NewException("engine.EngineError", PyExc_OSError, NULL);
    if (!state->error || PyModule_AddObjectRef(module, "EngineError", state->error) < 0)
        return -1;
    state->hist_type = core_type(module, &hist_spec);
    state->trial_type = core_type(module, &trial_spec);
    state->player_type = core_type(module, &player_spec);
    state->books_type = core_type(module, &books_spec);
    state->views_type = core_type(module, &views_spec);
    state->dictionary_type = core_type(module, &dictionary_spec);
    state->feed_type = core_type(module, &feed_spec);
    state->order_table_type = core_type(module, &order_table_spec);
    state->audit_writer_type = core_type(module, &audit_writer_spec);
    state->oms_type = core_type(module, &oms_spec);
    state->ledger_type = core_type(module, &ledger_spec);
    state->kill_type = core_type(module, &kill_spec);
    state->match_type = core_type(module, &match_spec);
    state->exchange_type = core_type(module, &exchange_spec);
    state->fix_session_type = core_type(module, &fix_session_spec);
    state->fix_acceptor_type = core_type(module, &fix_acceptor_spec);
    state->port_type = core_type(module, &port_spec);
    state->impair_type = core_type(module, &impair_spec);
    state->xdp_type = core_type(module, &xdp_spec);
    state->wire_type = core_type(module, &wire_spec);
    if (!state->hist_type || !state->trial_type || !state->player_type || !state->books_type ||
        !state->views_type || !state->dictionary_type || !state->feed_type ||
        !state->audit_writer_type || !state->order_table_type || !state->oms_type ||
        !state->ledger_type || !state->kill_type || !state->match_type ||
        !state->fix_session_type || !state->fix_acceptor_type || !state->exchange_type ||
        !state->port_type || !state->impair_type || !state->xdp_type || !state->wire_type)
        return -1;
    for (size_t i = 0; i < RL_COUNT(groups); i++) {
        if (PyModule_AddFunctions(module, groups[i]) < 0)
            return -1;
    }
    if (PyModule_AddStringConstant(module, "VERSION", RL_VERSION) < 0 ||
        PyModule_AddStringConstant(module, "BUILD_TYPE", RL_BUILD_TYPE) < 0 ||
        PyModule_AddStringConstant(module, "MARCH", RL_MARCH) < 0 ||
        PyModule_AddStringConstant(module, "COMPILER", "gcc " __VERSION__) < 0)
        return -1;
    return 0;
}

static int core_traverse(PyObject *module, visitproc visit, void *arg)
{
    struct core_state *state = PyModule_GetState(module);

    Py_VISIT(state->error);
    Py_VISIT(state->hist_type);
    Py_VISIT(state->trial_type);
    Py_VISIT(state->player_type);
    Py_VISIT(state->books_type);
    Py_VISIT(state->views_type);
    Py_VISIT(state->dictionary_type);
    Py_VISIT(state->feed_type);
    Py_VISIT(state->audit_writer_type);
    Py_VISIT(state->order_table_type);
    Py_VISIT(state->oms_type);
    Py_VISIT(state->ledger_type);
    Py_VISIT(state->kill_type);
    Py_VISIT(state->match_type);
    Py_VISIT(state->exchange_type);
    Py_VISIT(state->fix_session_type);
    Py_VISIT(state->fix_acceptor_type);
    Py_VISIT(state->port_type);
    Py_VISIT(state->impair_type);
    Py_VISIT(state->xdp_type);
    Py_VISIT(state->wire_type);
    return 0;
}

static int core_clear(PyObject *module)
{
    struct core_state *state = PyModule_GetState(module);

    Py_CLEAR(state->error);
    Py_CLEAR(state->hist_type);
    Py_CLEAR(state->trial_type);
    Py_CLEAR(state->player_type);
    Py_CLEAR(state->books_type);
    Py_CLEAR(state->views_type);
    Py_CLEAR(state->dictionary_type);
    Py_CLEAR(state->feed_type);
    Py_CLEAR(state->audit_writer_type);
    Py_CLEAR(state->order_table_type);
    Py_CLEAR(state->oms_type);
    Py_CLEAR(state->ledger_type);
    Py_CLEAR(state->kill_type);
    Py_CLEAR(state->match_type);
    Py_CLEAR(state->exchange_type);
    Py_CLEAR(state->fix_session_type);
    Py_CLEAR(state->fix_acceptor_type);
    Py_CLEAR(state->port_type);
    Py_CLEAR(state->impair_type);
    Py_CLEAR(state->xdp_type);
    Py_CLEAR(state->wire_type);
    return 0;
}

static void core_free(void *module)
{
    core_clear(module);
}

static PyModuleDef_Slot core_slots[] = {
    {Py_mod_exec, core_exec},
    {0, NULL},
};

static struct PyModuleDef core_def = {
    PyModuleDef_HEAD_INIT,
    .m_name = "_core",
    .m_doc = "The C engine, its rig and its instruments.",
    .m_size = sizeof(struct core_state),
    .m_slots = core_slots,
    .m_traverse = core_traverse,
    .m_clear = core_clear,
    .m_free = core_free,
};

PyMODINIT_FUNC PyInit__core(void)
{
    return PyModuleDef_Init(&core_def);
}

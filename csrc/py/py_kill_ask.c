/* What can be asked of a KillBoard, and the names and places of what it shows. */
#include "base/clock.h"
#include "py/py_kill.h"
#include "trade/kill/triggers.h"

PyObject *kill_allows(PyObject *op, PyObject *args)
{
    struct rl_kill *k = kill_open(op);
    struct rl_scopes s = {0};

    if (!k ||
        !PyArg_ParseTuple(args, "Ibbb:allows", &s.instrument, &s.venue, &s.account, &s.strategy))
        return NULL;
    return PyBool_FromLong(rl_kill_allows(k, &s));
}

PyObject *kill_is_tripped(PyObject *op, PyObject *args)
{
    struct rl_kill *k = kill_open(op);
    unsigned int scope, index;

    if (!k || !PyArg_ParseTuple(args, "II:is_tripped", &scope, &index))
        return NULL;
    return PyBool_FromLong(rl_kill_is_tripped(k, (enum rl_scope)scope, index));
}

PyObject *kill_why(PyObject *op, PyObject *unused)
{
    const struct rl_kill *k = kill_open(op);
    struct rl_kill_why why;

    (void)unused;
    if (!k)
        return NULL;
    rl_kill_cause(k, &why);
    return Py_BuildValue("(IIIIKIKKI)", why.state, why.cause, why.scope, why.index,
                         (unsigned long long)why.causes, why.epoch, (unsigned long long)why.tsc,
                         (unsigned long long)why.wall_ns, why.who);
}

/* Every scope that is tripped, as (scope, index). */
PyObject *kill_tripped(PyObject *op, PyObject *unused)
{
    static const uint32_t ends[RL_N_SCOPES] = {1, RL_MAX_VENUES, RL_MAX_ACCOUNTS, RL_MAX_STRATEGIES,
                                               RL_MAX_SYMBOLS};
    const struct rl_kill *k = kill_open(op);
    PyObject *list = k ? PyList_New(0) : NULL;

    (void)unused;
    for (uint32_t s = 0; list && s < RL_N_SCOPES; s++) {
        for (uint32_t i = 0; list && i < ends[s]; i++) {
            PyObject *pair;

            if (!rl_kill_is_tripped(k, (enum rl_scope)s, i))
                continue;
            pair = Py_BuildValue("(II)", s, i);
            if (!pair || PyList_Append(list, pair) < 0)
                Py_CLEAR(list);
            Py_XDECREF(pair);
        }
    }
    return list;
}

/* The last trips that added something, oldest first: (cause, scope, index, who, tsc). */
PyObject *kill_notes(PyObject *op, PyObject *unused)
{
    const struct rl_kill *k = kill_open(op);
    PyObject *list = k ? PyList_New(0) : NULL;
    uint64_t n = k ? atomic_load(&k->n_notes) : 0;

    (void)unused;
    for (uint64_t i = n > RL_KILL_N_NOTES ? n - RL_KILL_N_NOTES : 0; list && i < n; i++) {
        const struct rl_kill_note *note = &k->notes[i % RL_KILL_N_NOTES];
        uint64_t what = atomic_load(&note->what);
        PyObject *row =
            Py_BuildValue("(IIIIK)", (unsigned)(what & 0xFF), (unsigned)(what >> 8 & 0xFF),
                          (unsigned)(what >> 16 & 0xFFFF), (unsigned)(what >> 32),
                          (unsigned long long)atomic_load(&note->tsc));

        if (!row || PyList_Append(list, row) < 0)
            Py_CLEAR(list);
        Py_XDECREF(row);
    }
    return list;
}

PyObject *kill_seen(PyObject *op, PyObject *unused)
{
    const struct rl_kill *k = kill_open(op);

    (void)unused;
    if (!k)
        return NULL;
    return Py_BuildValue("(NKK)", PyBool_FromLong(rl_kill_is_seen(k, rl_kill_mark(k))),
                         (unsigned long long)atomic_load(&k->seen_tsc),
                         (unsigned long long)atomic_load(&k->seen_orders));
}

PyObject *kill_active(PyObject *op, void *unused)
{
    const struct rl_kill *k = kill_open(op);

    (void)unused;
    return k ? PyLong_FromUnsignedLongLong(atomic_load(&k->active_watchdog) |
                                           atomic_load(&k->active_engine))
             : NULL;
}

/* (is the latch saved, error of the last save, engine runs, its pid, watchdog's pid, tsc_hz) */
PyObject *kill_file(PyObject *op, PyObject *unused)
{
    const struct rl_board *b = &kill_of(op)->board;

    (void)unused;
    if (!kill_open(op))
        return NULL;
    if (!kill_of(op)->is_file)
        Py_RETURN_NONE;
    return Py_BuildValue("(NiNiKK)", PyBool_FromLong(rl_board_is_persisted(b)),
                         (int)-atomic_load(&b->file->persist_error),
                         PyBool_FromLong(rl_board_has_engine(b)),
                         rl_board_pid_of(atomic_load(&b->file->engine)),
                         (unsigned long long)atomic_load(&b->file->watchdog_pid),
                         (unsigned long long)b->file->tsc_hz);
}

/* (index of the rule that is broken ...) of rules in words, by the board as it is now. */
PyObject *kill_judge(PyObject *op, PyObject *args)
{
    const struct rl_kill *k = kill_open(op);
    struct rl_kill_snapshot now;
    unsigned long long tsc_hz;
    PyObject *rules, *list;
    Py_ssize_t n;

    if (!k || !PyArg_ParseTuple(args, "OK:judge", &rules, &tsc_hz))
        return NULL;
    n = PySequence_Size(rules);
    list = n < 0 ? NULL : PyList_New(0);
    if (list)
        rl_kill_look(k, NULL, &now);
    for (Py_ssize_t i = 0; list && i < n; i++) {
        PyObject *item = PySequence_GetItem(rules, i), *number;
        const char *words = item ? PyUnicode_AsUTF8AndSize(item, NULL) : NULL, *why;
        struct rl_kill_rule rule;

        if (!words) {
            Py_CLEAR(list);
        } else if (rl_kill_rule_read(words, tsc_hz, &rule, &why) < 0) {
            PyErr_Format(PyExc_ValueError, "rule %zd: %s: '%s'", i, why, words);
            Py_CLEAR(list);
        } else if (rl_kill_breaks(&rule, &now, rl_tsc())) {
            number = PyLong_FromSsize_t(i);
            if (!number || PyList_Append(list, number) < 0)
                Py_CLEAR(list);
            Py_XDECREF(number);
        }
        Py_XDECREF(item);
    }
    return list;
}

static PyObject *kill_tables(PyObject *module, PyObject *unused)
{
    PyObject *vitals = PyDict_New(), *beats = PyList_New(0), *triggers = PyList_New(0);

    (void)module;
    (void)unused;
    for (uint32_t i = 0; vitals && i < RL_N_VITALS; i++) {
        if (rl_vital_name(i) && core_put(vitals, rl_vital_name(i), PyLong_FromUnsignedLong(i)) < 0)
            Py_CLEAR(vitals);
    }
    for (uint32_t i = 0; beats && i < RL_N_BEATS; i++) {
        PyObject *name = PyUnicode_FromString(rl_beat_name(i));

        if (!name || PyList_Append(beats, name) < 0)
            Py_CLEAR(beats);
        Py_XDECREF(name);
    }
    for (uint32_t i = 0; triggers && i < RL_N_TRIGGERS; i++) {
        PyObject *row = Py_BuildValue("(sIIs)", rl_trigger_name(i), (unsigned)rl_trigger_cause(i),
                                      (unsigned)rl_trigger_unit(i), rl_trigger_text(i));

        if (!row || PyList_Append(triggers, row) < 0)
            Py_CLEAR(triggers);
        Py_XDECREF(row);
    }
    if (!vitals || !beats || !triggers) {
        Py_XDECREF(vitals);
        Py_XDECREF(beats);
        Py_XDECREF(triggers);
        return NULL;
    }
    return Py_BuildValue("{sNsNsNsnsnsnsn}", "vitals", vitals, "beats", beats, "triggers", triggers,
                         "n_vitals", (Py_ssize_t)RL_N_VITALS, "vitals_offset",
                         (Py_ssize_t)offsetof(struct rl_kill, vitals.counters), "beats_offset",
                         (Py_ssize_t)offsetof(struct rl_kill, vitals.beats), "beat_bytes",
                         (Py_ssize_t)sizeof(struct rl_vital_beat));
}

static PyObject *kill_default_dir(PyObject *module, PyObject *unused)
{
    char path[4096];
    int err = rl_board_default_dir(path, sizeof(path));

    (void)unused;
    return err ? core_raise(module, err, NULL) : PyUnicode_DecodeFSDefault(path);
}

PyDoc_STRVAR(kill_tables_doc, "kill_tables($module, /)\n--\n\n"
                              "Names of beats, counters and triggers, and where the first two lie "
                              "in a board.");
PyDoc_STRVAR(kill_default_dir_doc, "kill_default_dir($module, /)\n--\n\n"
                                   "Where boards live when nobody says otherwise.");

PyMethodDef kill_functions[] = {
    {"kill_tables", kill_tables, METH_NOARGS, kill_tables_doc},
    {"kill_default_dir", kill_default_dir, METH_NOARGS, kill_default_dir_doc},
    {NULL, NULL, 0, NULL},
};

/* Limit sets: the table of all limits, building, checking and comparing whole sets in memory. */
#include "trade/risk/limits_build.h"
#include "trade/risk/limits_compare.h"

#include "py/py_layout.h"
#include "py/py_records.h"

#include <errno.h>
#include <string.h>

static const char *const direction_names[] = {
#define NAME(name, number, text) [number] = #name,
    RL_LIMIT_DIRECTIONS(NAME)
#undef NAME
};

static const char *const unit_names[] = {
#define NAME(name, number, text) [number] = #name,
    RL_LIMIT_UNITS(NAME)
#undef NAME
};

static PyObject *members_of(const struct rl_limit_table *t)
{
    PyObject *list = PyList_New(0);

    for (uint32_t i = 0; list && i < t->n_members; i++) {
        const struct rl_limit_member *m = &t->members[i];
        PyObject *row = Py_BuildValue("(ssiisssii)", m->word, m->text, m->offset, m->n_bytes,
                                      direction_names[m->direction], unit_names[m->unit],
                                      rl_limit_direction_texts[m->direction], m->flags, m->reason);

        if (!row || PyList_Append(list, row) < 0)
            Py_CLEAR(list);
        Py_XDECREF(row);
    }
    return list;
}

static PyObject *limits_tables(PyObject *module, PyObject *args)
{
    PyObject *dict = PyDict_New();

    (void)module, (void)args;
    for (int i = 0; dict && i < RL_N_SCOPES; i++) {
        const struct rl_limit_table *t = &rl_limit_tables[i];
        PyObject *members = members_of(t);
        PyObject *row =
            members ? Py_BuildValue("(iN)", (int)t->row_bytes, members) : NULL; /* takes members */

        if (core_put(dict, t->name, row) < 0)
            Py_CLEAR(dict);
    }
    return dict;
}

/* name in lower case -> (number, text) */
static int put_rule(PyObject *dict, const char *name, int number, const char *text)
{
    char lower[32];
    size_t n = 0;

    for (; name[n] && n + 1 < sizeof(lower); n++)
        lower[n] = (char)(name[n] == '_' ? '_' : name[n] | 0x20);
    lower[n] = '\0';
    return core_put(dict, lower, Py_BuildValue("(is)", number, text));
}

static PyObject *limits_rules(PyObject *module, PyObject *args)
{
    PyObject *shorts = PyDict_New(), *own = PyDict_New();
    int err = shorts && own ? 0 : -1;

    (void)module, (void)args;
#define RULE(name, number, text) err = err < 0 ? err : put_rule(shorts, #name, number, text);
    RL_SHORT_RULES(RULE)
#undef RULE
#define RULE(name, number, text) err = err < 0 ? err : put_rule(own, #name, number, text);
    RL_SELF_TRADES(RULE)
#undef RULE
    if (err < 0) {
        Py_XDECREF(shorts);
        Py_XDECREF(own);
        return NULL;
    }
    return Py_BuildValue("{s:N,s:N}", "short", shorts, "self_trade", own);
}

static PyObject *limits_layout(PyObject *module, PyObject *args)
{
    PyObject *list = PyList_New(0);

    (void)module, (void)args;
#define ADD(member, format)                                                                      \
    if (list && py_layout_add(list, #member, format, offsetof(struct rl_limit_set, member)) < 0) \
        Py_CLEAR(list);
    ADD(magic, "<u8")
    ADD(sha256, "32u1")
    ADD(version, "<u8")
    ADD(n_accounts, "<u4")
    ADD(n_instruments, "<u4")
    ADD(n_strategies, "<u4")
    ADD(n_venues, "<u4")
    ADD(names, "32u1")
    ADD(global, "")
    ADD(venues, "")
    ADD(accounts, "")
    ADD(strategies, "")
    ADD(pairs, "")
#undef ADD
    return list;
}

static PyObject *limits_bytes(PyObject *module, PyObject *args)
{
    unsigned n[4];

    (void)module;
    if (!PyArg_ParseTuple(args, "IIII:limits_bytes", &n[0], &n[1], &n[2], &n[3]))
        return NULL;
    return PyLong_FromSize_t(rl_limits_bytes(n[0], n[1], n[2], n[3]));
}

enum { OUT, GLOBAL, VENUES, ACCOUNTS, STRATEGIES, PAIRS, NAMES, N_ARRAYS };

static PyObject *limits_build(PyObject *module, PyObject *args, PyObject *kw)
{
    static char *names[] = {"out",        "version", "global_", "venues", "accounts",
                            "strategies", "pairs",   "names",   NULL};
    struct py_records_want wants[N_ARRAYS] = {
        {NULL, "out", 1, RL_CACHE_LINE, true},
        {NULL, "global_", sizeof(struct rl_limit_global), RL_CACHE_LINE, false},
        {NULL, "venues", sizeof(struct rl_limit_venue), 4, false},
        {NULL, "accounts", sizeof(struct rl_limit_account), RL_CACHE_LINE, false},
        {NULL, "strategies", sizeof(struct rl_limit_strategy), RL_CACHE_LINE, false},
        {NULL, "pairs", sizeof(struct rl_limit_pair), RL_CACHE_LINE, false},
        {NULL, "names", 1, 1, false},
    };
    struct py_records r[N_ARRAYS] = {{.n = 0}};
    struct rl_limits_config c = {.version = 0};
    char why[RL_LIMITS_WHY] = "";
    unsigned long long version;
    const char *wrong = NULL;
    int err = 0;

    (void)module;
    if (!PyArg_ParseTupleAndKeywords(args, kw, "OKOOOOOO:limits_build", names, &wants[OUT].op,
                                     &version, &wants[GLOBAL].op, &wants[VENUES].op,
                                     &wants[ACCOUNTS].op, &wants[STRATEGIES].op, &wants[PAIRS].op,
                                     &wants[NAMES].op) ||
        py_records_hold(r, wants, N_ARRAYS) < 0)
        return NULL;
    c.version = version;
    for (int i = VENUES; i <= PAIRS; i++)
        wrong = r[i].n > UINT32_MAX ? "there are too many rows" : wrong;
    c.n_venues = (uint32_t)r[VENUES].n;
    c.n_accounts = (uint32_t)r[ACCOUNTS].n;
    c.n_strategies = (uint32_t)r[STRATEGIES].n;
    c.n_instruments = r[ACCOUNTS].n ? (uint32_t)(r[PAIRS].n / r[ACCOUNTS].n) : 0;
    if (r[GLOBAL].n != 1)
        wrong = "global_: there is one row";
    else if ((uint64_t)c.n_instruments * c.n_accounts != r[PAIRS].n)
        wrong = "pairs: not as many for every account";
    else if (r[NAMES].n != RL_SHA256_BYTES)
        wrong = "names: not 32 bytes";
    if (!wrong) {
        c.global = r[GLOBAL].view.buf;
        c.venues = r[VENUES].view.buf;
        c.accounts = r[ACCOUNTS].view.buf;
        c.strategies = r[STRATEGIES].view.buf;
        c.pairs = r[PAIRS].view.buf;
        c.names = r[NAMES].view.buf;
        Py_BEGIN_ALLOW_THREADS
        err = rl_limits_build(r[OUT].view.buf, r[OUT].n, &c, why);
        Py_END_ALLOW_THREADS
        wrong = err ? why : NULL;
    }
    py_records_release(r, N_ARRAYS);
    if (wrong) {
        PyErr_SetString(PyExc_ValueError, wrong);
        return NULL;
    }
    Py_RETURN_NONE;
}

static PyObject *limits_why_not_whole(PyObject *module, PyObject *set)
{
    struct py_records_want want = {set, "set", 1, RL_CACHE_LINE, false};
    struct py_records r;
    const char *why;

    (void)module;
    if (py_records_hold(&r, &want, 1) < 0)
        return NULL;
    Py_BEGIN_ALLOW_THREADS
    why = rl_limits_why_not_whole(r.view.buf, r.n);
    Py_END_ALLOW_THREADS
    py_records_release(&r, 1);
    return why ? PyUnicode_FromString(why) : Py_NewRef(Py_None);
}

/* The changes in an object of bytes, which numpy reads as records. */
static PyObject *compare(const struct rl_limit_set *was, const struct rl_limit_set *now)
{
    struct rl_limit_change *changes;
    PyObject *bytes;
    uint32_t how;
    size_t n;

    Py_BEGIN_ALLOW_THREADS
    how = rl_limits_compare(was, now, NULL, 0, &n);
    Py_END_ALLOW_THREADS
    bytes = PyBytes_FromStringAndSize(NULL, (Py_ssize_t)(n * sizeof(*changes)));
    if (!bytes)
        return NULL;
    changes = (struct rl_limit_change *)(void *)PyBytes_AsString(bytes);
    Py_BEGIN_ALLOW_THREADS
    rl_limits_compare(was, now, changes, n, NULL);
    Py_END_ALLOW_THREADS
    return Py_BuildValue("(IN)", how, bytes);
}

static PyObject *limits_compare(PyObject *module, PyObject *args)
{
    struct py_records_want wants[] = {{NULL, "was", 1, RL_CACHE_LINE, false},
                                      {NULL, "now", 1, RL_CACHE_LINE, false}};
    struct py_records r[2];
    PyObject *result = NULL;
    const char *why = NULL;

    (void)module;
    if (!PyArg_ParseTuple(args, "OO:limits_compare", &wants[0].op, &wants[1].op) ||
        py_records_hold(r, wants, 2) < 0)
        return NULL;
    /* Reading rows of what is not a set would leave the array. */
    Py_BEGIN_ALLOW_THREADS
    for (int i = 0; i < 2 && !why; i++)
        why = rl_limits_why_not_whole(r[i].view.buf, r[i].n);
    Py_END_ALLOW_THREADS
    if (why)
        PyErr_SetString(PyExc_ValueError, why);
    else
        result = compare(r[0].view.buf, r[1].view.buf);
    py_records_release(r, 2);
    return result;
}

static PyObject *limits_change_layout(PyObject *module, PyObject *args)
{
    PyObject *list = PyList_New(0);

    (void)module, (void)args;
#define ADD(member, format)                                                                 \
    if (list &&                                                                             \
        py_layout_add(list, #member, format, offsetof(struct rl_limit_change, member)) < 0) \
        Py_CLEAR(list);
    ADD(was, "<u8")
    ADD(now, "<u8")
    ADD(row, "<u4")
    ADD(member, "<u2")
    ADD(scope, "u1")
    ADD(how, "u1")
#undef ADD
    return list ? Py_BuildValue("(nN)", (Py_ssize_t)sizeof(struct rl_limit_change), list) : NULL;
}

PyDoc_STRVAR(limits_tables_doc,
             "limits_tables($module, /)\n--\n\n"
             "row -> (bytes, [(word, text, offset, bytes, direction, unit, how, flags, reason)]).");
PyDoc_STRVAR(limits_rules_doc, "limits_rules($module, /)\n--\n\n"
                               "word -> {value: (number, text)} of the limits that are rules.");
PyDoc_STRVAR(limits_layout_doc, "limits_layout($module, /)\n--\n\n"
                                "(member, format, offset) of a limit set; no format: rows.");
PyDoc_STRVAR(limits_bytes_doc,
             "limits_bytes($module, n_accounts, n_instruments, n_strategies, n_venues, /)\n--\n\n"
             "Size of such a set; 0 when an engine cannot have so many.");
PyDoc_STRVAR(limits_build_doc,
             "limits_build($module, /, out, version, global_, venues, accounts, strategies, pairs, "
             "names)\n--\n\n"
             "Check the rows and write the set; ValueError says in one sentence why not.");
PyDoc_STRVAR(limits_why_not_whole_doc, "limits_why_not_whole($module, set, /)\n--\n\n"
                                       "None, or why these bytes are not one whole limit set.");
PyDoc_STRVAR(limits_compare_doc, "limits_compare($module, was, now, /)\n--\n\n"
                                 "(1 tighter | 2 looser | 4 other rows, the changes as records).");
PyDoc_STRVAR(limits_change_layout_doc, "limits_change_layout($module, /)\n--\n\n"
                                       "(bytes, [(member, format, offset)]) of a change.");

PyMethodDef limits_functions[] = {
    {"limits_tables", limits_tables, METH_NOARGS, limits_tables_doc},
    {"limits_rules", limits_rules, METH_NOARGS, limits_rules_doc},
    {"limits_layout", limits_layout, METH_NOARGS, limits_layout_doc},
    {"limits_bytes", limits_bytes, METH_VARARGS, limits_bytes_doc},
    {"limits_build", RL_PY_KEYWORDS(limits_build), limits_build_doc},
    {"limits_why_not_whole", limits_why_not_whole, METH_O, limits_why_not_whole_doc},
    {"limits_compare", limits_compare, METH_VARARGS, limits_compare_doc},
    {"limits_change_layout", limits_change_layout, METH_NOARGS, limits_change_layout_doc},
    {NULL, NULL, 0, NULL},
};

/* Reading the config of an Exchange: numbers by name from tables, lists of tuples for the rest. */
#include <stddef.h>
#include <string.h>

#include "py/dict.h"
#include "py/py_exchange.h"

/* A number of a config: where it lies, how large it is. */
struct number {
    const char *name;
    uint16_t at, size;
};

#define NUMBER(type, name) \
    {#name, (uint16_t)offsetof(type, name), (uint16_t)sizeof(((type *)0)->name)}
#define MATCH_NUMBER(name)                                          \
    {#name, (uint16_t)offsetof(struct rl_serve_config, match.name), \
     (uint16_t)sizeof(((struct rl_serve_config *)0)->match.name)}

static const struct number serve_numbers[] = {
    NUMBER(struct rl_serve_config, n_connections),
    NUMBER(struct rl_serve_config, n_bytes_rx),
    NUMBER(struct rl_serve_config, n_bytes_tx),
    NUMBER(struct rl_serve_config, stall_ns),
    NUMBER(struct rl_serve_config, logon_ns),
    NUMBER(struct rl_serve_config, spins),
    NUMBER(struct rl_serve_config, n_fix_sessions),
    NUMBER(struct rl_serve_config, takes_any),
    NUMBER(struct rl_serve_config, max_message),
    NUMBER(struct rl_serve_config, max_garbage),
    NUMBER(struct rl_serve_config, store_bytes),
    NUMBER(struct rl_serve_config, store_messages),
    NUMBER(struct rl_serve_config, resets_on_logon),
    NUMBER(struct rl_serve_config, lists_any),
    NUMBER(struct rl_serve_config, n_ouch_sessions),
    NUMBER(struct rl_serve_config, takes_any_ouch),
    MATCH_NUMBER(n_instruments),
    MATCH_NUMBER(n_orders),
    MATCH_NUMBER(n_levels_per_side),
    MATCH_NUMBER(n_trades),
    MATCH_NUMBER(tick_nano),
    MATCH_NUMBER(max_qty),
};

static int put_number(const struct number *n, void *into, PyObject *value)
{
    uint64_t most = n->size == 8 ? UINT64_MAX : (1ULL << 8 * n->size) - 1;
    uint64_t v = (uint64_t)PyLong_AsUnsignedLongLong(value);

    if (PyErr_Occurred())
        return -1;
    if (v > most) {
        PyErr_Format(PyExc_ValueError, "%s: too large", n->name);
        return -1;
    }
    memcpy((char *)into + n->at, &v, n->size); /* little endian, as all that we run on */
    return 0;
}

/* dict of names to integers; -1 with a ValueError for a name that is none. */
static int read_numbers(const struct number *numbers, size_t n_numbers, void *into, PyObject *dict)
{
    PyObject *key, *value;
    Py_ssize_t at = 0;

    while (PyDict_Next(dict, &at, &key, &value)) {
        const char *name = PyUnicode_AsUTF8AndSize(key, NULL);
        size_t i = 0;

        if (!name)
            return -1;
        while (i < n_numbers && strcmp(numbers[i].name, name) != 0)
            i++;
        if (i == n_numbers) {
            PyErr_Format(PyExc_ValueError, "no such number: %s", name);
            return -1;
        }
        if (put_number(&numbers[i], into, value) < 0)
            return -1;
    }
    return 0;
}

/* "s" of a tuple into n_max characters with their zero. */
static int put_text(char *out, size_t n_max, const char *text, const char *what)
{
    size_t n = strlen(text);

    if (n >= n_max) {
        PyErr_Format(PyExc_ValueError, "%s: longer than %zu: '%s'", what, n_max - 1, text);
        return -1;
    }
    memcpy(out, text, n + 1);
    return 0;
}

/* n elements of that size for a sequence, zeroed; *n is its length. NULL with an exception. */
static void *rows_for(PyObject *sequence, size_t size, uint32_t *n)
{
    Py_ssize_t length = PySequence_Size(sequence);
    void *rows;

    if (length < 0)
        return NULL;
    rows = PyMem_Calloc((size_t)length + 1, size);
    if (!rows)
        return PyErr_NoMemory();
    *n = (uint32_t)length;
    return rows;
}

static int read_rules(struct rl_serve_rules *rules, PyObject *tuple)
{
    int cancels;

    if (!PyArg_ParseTuple(tuple, "pIIb;rules are (cancels_on_disconnect, rate, burst, stp)",
                          &cancels, &rules->rate_per_s, &rules->burst, &rules->stp))
        return -1;
    rules->cancels_on_disconnect = cancels;
    return 0;
}

static int read_symbols(struct py_exchange_config *c, PyObject *sequence)
{
    c->symbols = rows_for(sequence, sizeof *c->symbols, &c->config.n_symbols);
    if (!c->symbols)
        return -1;
    c->config.symbols = c->symbols;
    for (uint32_t i = 0; i < c->config.n_symbols; i++) {
        PyObject *row = PySequence_GetItem(sequence, i);
        char name[RL_VENUE_SYMBOL + 1];
        const char *text;
        int err = -1;

        if (row &&
            PyArg_ParseTuple(row, "sb;symbols are (name, phase)", &text, &c->symbols[i].phase))
            err = put_text(name, sizeof name, text, "symbol");
        if (!err)
            memcpy(c->symbols[i].symbol, name, strlen(name));
        Py_XDECREF(row);
        if (err)
            return -1;
    }
    return 0;
}

static int read_identity(struct rl_serve_identity *id, PyObject *row)
{
    const char *begin, *sender, *target, *appl;
    PyObject *rules;

    if (!row || !PyArg_ParseTuple(row, "ssssO;sessions are (begin, sender, target, appl, rules)",
                                  &begin, &sender, &target, &appl, &rules))
        return -1;
    id->appl_ver_id = appl[0];
    return put_text(id->begin_string, sizeof id->begin_string, begin, "BeginString") < 0 ||
                   put_text(id->sender, sizeof id->sender, sender, "SenderCompID") < 0 ||
                   put_text(id->target, sizeof id->target, target, "TargetCompID") < 0
               ? -1
               : read_rules(&id->rules, rules);
}

static int read_ouch_identity(struct rl_serve_ouch_identity *id, PyObject *row)
{
    const char *user, *password, *firm;
    PyObject *rules;

    if (!row || !PyArg_ParseTuple(row, "sssO;OUCH sessions are (user, password, firm, rules)",
                                  &user, &password, &firm, &rules))
        return -1;
    return put_text(id->username, sizeof id->username, user, "user name") < 0 ||
                   put_text(id->password, sizeof id->password, password, "password") < 0 ||
                   put_text(id->firm, sizeof id->firm, firm, "firm") < 0
               ? -1
               : read_rules(&id->rules, rules);
}

static int read_identities(struct py_exchange_config *c, PyObject *fix, PyObject *ouch)
{
    int err = 0;

    c->identities = rows_for(fix, sizeof *c->identities, &c->config.n_identities);
    c->ouch_identities = rows_for(ouch, sizeof *c->ouch_identities, &c->config.n_ouch_identities);
    if (!c->identities || !c->ouch_identities)
        return -1;
    c->config.identities = c->identities;
    c->config.ouch_identities = c->ouch_identities;
    for (uint32_t i = 0; !err && i < c->config.n_identities; i++) {
        PyObject *row = PySequence_GetItem(fix, i);

        err = read_identity(&c->identities[i], row);
        Py_XDECREF(row);
    }
    for (uint32_t i = 0; !err && i < c->config.n_ouch_identities; i++) {
        PyObject *row = PySequence_GetItem(ouch, i);

        err = read_ouch_identity(&c->ouch_identities[i], row);
        Py_XDECREF(row);
    }
    return err;
}

static int read_address(struct rl_address *a, const char *text)
{
    if (!text || rl_address_read(a, text) == 0)
        return 0;
    PyErr_Format(PyExc_ValueError, "not an address: '%s'", text);
    return -1;
}

static int read_dictionaries(struct py_exchange_config *c, PyObject *dict)
{
    PyObject *key, *value;
    Py_ssize_t at = 0;

    Py_INCREF(dict);
    c->dictionaries = dict;
    while (PyDict_Next(dict, &at, &key, &value)) {
        unsigned long version = PyLong_AsUnsignedLong(key);

        if (PyErr_Occurred())
            return -1;
        if (version >= RL_FIX_N_VERSIONS) {
            PyErr_SetString(PyExc_ValueError, "dictionaries: no such version");
            return -1;
        }
        c->config.dicts[version] = dict_of(value);
        if (!c->config.dicts[version])
            return -1;
    }
    return 0;
}

static int read_mischief(struct py_exchange_config *c, PyObject *dict)
{
    if (dict == Py_None)
        return 0;
    c->config.mischief = &c->mischief.config;
    return py_mischief_read(&c->mischief, dict);
}

/* None, or (data, recs, rate): an ITCH stream as engine.market has it. */
static int read_crowd(struct py_exchange_config *c, PyObject *tuple)
{
    unsigned long long rate;

    if (tuple == Py_None)
        return 0;
    if (!PyArg_ParseTuple(tuple, "y*y*K;crowd", &c->crowd, &c->crowd_recs, &rate))
        return -1;
    c->config.crowd = c->crowd.buf;
    c->config.crowd_recs = c->crowd_recs.buf;
    c->config.n_crowd = (uint64_t)c->crowd_recs.len / sizeof(struct rl_stream_rec);
    c->config.crowd_rate_per_s = rate;
    for (uint64_t i = 0; i < c->config.n_crowd; i++) {
        const struct rl_stream_rec *rec = &c->config.crowd_recs[i];

        if (rec->offset > (uint64_t)c->crowd.len ||
            rec->n_bytes > (uint64_t)c->crowd.len - rec->offset) {
            PyErr_SetString(PyExc_ValueError, "crowd: a record lies outside of its data");
            return -1;
        }
    }
    return 0;
}

static int keep_text(char **kept, const char **pointer, const char *text)
{
    if (!text)
        return 0;
    *kept = PyMem_Malloc(strlen(text) + 1);
    if (!*kept) {
        PyErr_NoMemory();
        return -1;
    }
    strcpy(*kept, text);
    *pointer = *kept;
    return 0;
}

int py_exchange_read(struct py_exchange_config *c, PyObject *args, PyObject *kw)
{
    static char *names[] = {
        "numbers",    "symbols",         "rules",    "fix",         "ouch",
        "identities", "ouch_identities", "md_lines", "md_requests", "md_session",
        "store_dir",  "dictionaries",    "mischief", "crowd",       NULL};
    PyObject *numbers, *symbols, *rules, *identities, *ouch_identities, *lines, *dictionaries;
    PyObject *mischief, *crowd;
    const char *fix, *ouch, *line[2] = {NULL, NULL}, *requests, *session, *store_dir;

    rl_serve_config_init(&c->config);
    if (!PyArg_ParseTupleAndKeywords(args, kw, "$O!OOzzOOO!zzzO!OO:Exchange", names, &PyDict_Type,
                                     &numbers, &symbols, &rules, &fix, &ouch, &identities,
                                     &ouch_identities, &PyTuple_Type, &lines, &requests, &session,
                                     &store_dir, &PyDict_Type, &dictionaries, &mischief, &crowd) ||
        !PyArg_ParseTuple(lines, "|zz;two lines of market data at most", &line[0], &line[1]))
        return -1;
    return read_numbers(serve_numbers, RL_COUNT(serve_numbers), &c->config, numbers) < 0 ||
                   read_symbols(c, symbols) < 0 || read_rules(&c->config.rules, rules) < 0 ||
                   read_address(&c->config.fix, fix) < 0 ||
                   read_address(&c->config.ouch, ouch) < 0 ||
                   read_address(&c->config.md_lines[0], line[0]) < 0 ||
                   read_address(&c->config.md_lines[1], line[1]) < 0 ||
                   read_address(&c->config.md_requests, requests) < 0 ||
                   read_identities(c, identities, ouch_identities) < 0 ||
                   keep_text(&c->store_dir, &c->config.store_dir, store_dir) < 0 ||
                   keep_text(&c->md_session, &c->config.md_session, session) < 0 ||
                   read_dictionaries(c, dictionaries) < 0 || read_mischief(c, mischief) < 0 ||
                   read_crowd(c, crowd) < 0
               ? -1
               : 0;
}

void py_exchange_forget(struct py_exchange_config *c)
{
    void *owned[] = {c->symbols, c->identities, c->ouch_identities, c->store_dir, c->md_session};

    for (size_t i = 0; i < RL_COUNT(owned); i++)
        PyMem_Free(owned[i]);
    py_mischief_release(&c->mischief);
    if (c->crowd.obj)
        PyBuffer_Release(&c->crowd);
    if (c->crowd_recs.obj)
        PyBuffer_Release(&c->crowd_recs);
    Py_XDECREF(c->dictionaries);
    memset(c, 0, sizeof *c);
}

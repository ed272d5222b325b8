/* FixSession: one side of a FIX session, its numbers and messages in memory. One thread uses it. */
#include "py/py_session.h"

#include "py/dict.h"
#include "py/py_fields.h"

#include <errno.h>
#include <string.h>

/* --- the config: texts and numbers by place, as engine.session writes them ---------------------
 */

enum {
    BEGIN_STRING,
    SENDER,
    TARGET,
    SENDER_SUB,
    TARGET_SUB,
    SENDER_LOCATION,
    TARGET_LOCATION,
    USERNAME,
    PASSWORD,
    N_NAMES,
};

struct numbers {
    uint8_t is_initiator, reset_on_logon, reset_on_logout, reset_on_disconnect;
    uint8_t sends_next_expected, ignores_comp_ids, ignores_time, allows_empty, never_resends,
        asks_redundantly;
    uint8_t appl_ver_id, precision;
    uint32_t heartbeat_s, heartbeat_min_s, heartbeat_max_s, tolerance_s;
    uint32_t logon_timeout_s, logout_timeout_s, test_request_percent, silence_percent;
    uint32_t max_message, queue_bytes, queue_messages, store_bytes, store_messages;
    uint64_t now;
};

#define NUMBER(kind, member) PY_FIELD(kind, struct numbers, member)

static const struct py_field number_fields[] = {
    NUMBER(U8, is_initiator),          NUMBER(U8, reset_on_logon),
    NUMBER(U8, reset_on_logout),       NUMBER(U8, reset_on_disconnect),
    NUMBER(U8, sends_next_expected),   NUMBER(U8, ignores_comp_ids),
    NUMBER(U8, ignores_time),          NUMBER(U8, allows_empty),
    NUMBER(U8, never_resends),         NUMBER(U8, asks_redundantly),
    NUMBER(U8, appl_ver_id),           NUMBER(U8, precision),
    NUMBER(U32, heartbeat_s),          NUMBER(U32, heartbeat_min_s),
    NUMBER(U32, heartbeat_max_s),      NUMBER(U32, tolerance_s),
    NUMBER(U32, logon_timeout_s),      NUMBER(U32, logout_timeout_s),
    NUMBER(U32, test_request_percent), NUMBER(U32, silence_percent),
    NUMBER(U32, max_message),          NUMBER(U32, queue_bytes),
    NUMBER(U32, queue_messages),       NUMBER(U32, store_bytes),
    NUMBER(U32, store_messages),       NUMBER(U64, now),
};

/* Of the store and the queue; more is a mistake of whoever asks for it. */
#define MOST_BYTES (1U << 30)

/* Texts of a tuple of N_NAMES, None for NULL; they live as long as the tuple. */
static int names_of(PyObject *tuple, const char **names)
{
    if (PyTuple_Size(tuple) != N_NAMES) {
        PyErr_Format(PyExc_TypeError, "names: %d texts are wanted", N_NAMES);
        return -1;
    }
    for (Py_ssize_t i = 0; i < N_NAMES; i++) {
        PyObject *text = PyTuple_GetItem(tuple, i);
        Py_ssize_t n_bytes = 0;

        names[i] = NULL;
        if (text == Py_None && i > TARGET)
            continue;
        names[i] = PyUnicode_AsUTF8AndSize(text, &n_bytes);
        if (!names[i])
            return -1;
        if (strlen(names[i]) != (size_t)n_bytes) {
            PyErr_SetString(PyExc_ValueError, "names: a text holds a NUL");
            return -1;
        }
    }
    return 0;
}

static struct rl_fix_session_config config_of(const char *const *names, const struct numbers *n,
                                              const struct rl_fix_dict *dict)
{
    return (struct rl_fix_session_config){
        .begin_string = names[BEGIN_STRING],
        .sender = names[SENDER],
        .target = names[TARGET],
        .sender_sub = names[SENDER_SUB],
        .target_sub = names[TARGET_SUB],
        .sender_location = names[SENDER_LOCATION],
        .target_location = names[TARGET_LOCATION],
        .username = names[USERNAME],
        .password = names[PASSWORD],
        .appl_ver_id = (char)n->appl_ver_id,
        .dict = dict,
        .is_initiator = n->is_initiator,
        .reset_on_logon = n->reset_on_logon,
        .reset_on_logout = n->reset_on_logout,
        .reset_on_disconnect = n->reset_on_disconnect,
        .sends_next_expected = n->sends_next_expected,
        .ignores_comp_ids = n->ignores_comp_ids,
        .ignores_time = n->ignores_time,
        .allows_empty = n->allows_empty,
        .never_resends = n->never_resends,
        .asks_redundantly = n->asks_redundantly,
        .precision = (enum rl_fix_precision)n->precision,
        .heartbeat_s = n->heartbeat_s,
        .heartbeat_min_s = n->heartbeat_min_s,
        .heartbeat_max_s = n->heartbeat_max_s,
        .tolerance_s = n->tolerance_s,
        .logon_timeout_s = n->logon_timeout_s,
        .logout_timeout_s = n->logout_timeout_s,
        .test_request_percent = n->test_request_percent,
        .silence_percent = n->silence_percent,
        .max_message = n->max_message,
        .queue_bytes = n->queue_bytes,
        .queue_messages = n->queue_messages,
    };
}

/* --- life ------------------------------------------------------------------------------------- */

static int open_session(struct py_session *self, const struct rl_fix_session_config *config,
                        const struct numbers *n, const char **why)
{
    size_t n_session = rl_fix_session_bytes(config);
    int err;

    if (n_session == 0) /* init says why, before it takes anything */
        return rl_fix_session_init(&self->session, &self->arena, config, &self->store.store, why);
    err = rl_arena_open(&self->arena,
                        n_session + rl_memory_store_bytes(n->store_bytes, n->store_messages) + 4096,
                        0);
    if (!err) {
        *why = "store: bytes and messages are powers of two";
        err = rl_memory_store_init(&self->store, &self->arena, n->store_bytes, n->store_messages,
                                   n->now);
    }
    if (!err)
        err = rl_fix_session_init(&self->session, &self->arena, config, &self->store.store, why);
    self->session.user = self; /* for an acceptor that finds it */
    self->now_utc_ns = n->now;
    return err;
}

static PyObject *session_new(PyTypeObject *type, PyObject *args, PyObject *kw)
{
    static char *keywords[] = {"names", "numbers", "dictionary", NULL};
    PyObject *texts, *numbers, *dictionary, *values[RL_COUNT(number_fields)];
    struct rl_fix_session_config config;
    const struct rl_fix_dict *dict = NULL;
    const char *names[N_NAMES], *why = NULL;
    struct py_session *self;
    struct numbers n = {0};
    int err;

    if (!PyArg_ParseTupleAndKeywords(args, kw, "$O!O!O:FixSession", keywords, &PyTuple_Type, &texts,
                                     &PyTuple_Type, &numbers, &dictionary))
        return NULL;
    for (size_t i = 0; i < RL_COUNT(values) && i < (size_t)PyTuple_Size(numbers); i++)
        values[i] = PyTuple_GetItem(numbers, (Py_ssize_t)i);
    if (names_of(texts, names) < 0 ||
        py_fields_read("FixSession: numbers", number_fields, RL_COUNT(number_fields), &n, values,
                       PyTuple_Size(numbers)) < 0)
        return NULL;
    if (n.queue_bytes > MOST_BYTES || n.store_bytes > MOST_BYTES || n.queue_messages > MOST_BYTES ||
        n.store_messages > MOST_BYTES || n.precision > RL_FIX_NANOS) {
        PyErr_SetString(PyExc_ValueError, "FixSession: store, queue or precision out of range");
        return NULL;
    }
    if (dictionary != Py_None && !(dict = dict_of(dictionary)))
        return NULL;
    self = (struct py_session *)((allocfunc)PyType_GetSlot(type, Py_tp_alloc))(type, 0);
    if (!self)
        return NULL;
    self->dictionary = Py_NewRef(dictionary);
    config = config_of(names, &n, dict);
    err = open_session(self, &config, &n, &why);
    if (!err)
        return (PyObject *)self;
    Py_DECREF(self);
    if (err == -ENOMEM)
        return PyErr_NoMemory();
    return PyErr_Format(PyExc_ValueError, "FixSession: %s", why ? why : strerror(-err));
}

static void session_dealloc(PyObject *op)
{
    struct py_session *self = py_session_of(op);
    PyTypeObject *type = Py_TYPE(op);

    if (self->message.obj)
        PyBuffer_Release(&self->message);
    if (self->arena.base)
        rl_arena_close(&self->arena);
    Py_XDECREF(self->dictionary);
    ((freefunc)PyType_GetSlot(type, Py_tp_free))(op);
    Py_DECREF(type);
}

struct py_session *py_session_cast(PyObject *op)
{
    /* One module, one type of that deallocator: no need of the module's state here. */
    if (PyType_GetSlot(Py_TYPE(op), Py_tp_dealloc) == (void *)session_dealloc)
        return py_session_of(op);
    PyErr_SetString(PyExc_TypeError, "session: not a FixSession");
    return NULL;
}

/* --- what it is ------------------------------------------------------------------------------- */

static PyObject *get_state(PyObject *op, void *unused)
{
    static const char *const names[] = {"away", "connected", "logged on", "logging out"};

    (void)unused;
    return PyUnicode_FromString(names[py_session_of(op)->session.state]);
}

static PyObject *get_more(PyObject *op, void *unused)
{
    (void)unused;
    return PyBool_FromLong(py_session_of(op)->session.more);
}

static PyObject *get_deadline(PyObject *op, void *unused)
{
    uint64_t at = rl_fix_session_deadline(&py_session_of(op)->session);

    (void)unused;
    if (at == UINT64_MAX)
        Py_RETURN_NONE;
    return PyLong_FromUnsignedLongLong(at);
}

static PyObject *get_next(PyObject *op, void *unused)
{
    const struct rl_session_store *store = py_session_of(op)->session.store;

    (void)unused;
    return Py_BuildValue("(KK)", (unsigned long long)store->next_out,
                         (unsigned long long)store->next_in);
}

static PyObject *get_heartbeat_s(PyObject *op, void *unused)
{
    (void)unused;
    return PyLong_FromUnsignedLong(py_session_of(op)->session.heartbeat_s);
}

static PyObject *get_max_message(PyObject *op, void *unused)
{
    (void)unused;
    return PyLong_FromUnsignedLong(py_session_of(op)->session.config.max_message);
}

static PyObject *get_why(PyObject *op, void *unused)
{
    (void)unused;
    return PyUnicode_FromString(py_session_of(op)->session.why ? py_session_of(op)->session.why
                                                               : "");
}

static PyObject *get_counts(PyObject *op, void *unused)
{
    static const char *const names[] = {"in",      "out",         "delivered",    "resent",
                                        "garbled", "rejected",    "duplicates",   "queued",
                                        "dropped", "asked_again", "store_errors", NULL};
    _Static_assert(sizeof(struct rl_fix_session_counts) == (RL_COUNT(names) - 1) * sizeof(uint64_t),
                   "a name for each count");

    (void)unused;
    return core_counters_named(names, &py_session_of(op)->session.counts);
}

static PyGetSetDef session_getset[] = {
    {"state", get_state, NULL, "away, connected, logged on, logging out", NULL},
    {"more", get_more, NULL, "the step is not over: proceed", NULL},
    {"deadline", get_deadline, NULL, "when timer is due, ns since 1970; None: never", NULL},
    {"next", get_next, NULL, "MsgSeqNum of the next message sent, and of the next expected", NULL},
    {"heartbeat_s", get_heartbeat_s, NULL, "HeartBtInt as agreed", NULL},
    {"max_message", get_max_message, NULL, "bytes of a message at most, either way", NULL},
    {"why", get_why, NULL, "a sentence about the last thing that was wrong", NULL},
    {"counts", get_counts, NULL, "what happened how often", NULL},
    {NULL, NULL, NULL, NULL, NULL},
};

PyDoc_STRVAR(session_doc,
             "FixSession(*, names, numbers, dictionary)\n--\n\n"
             "One side of a FIX session (csrc/session/fix_session.h), its store in memory.");

static PyType_Slot session_slots[] = {
    {Py_tp_doc, (void *)session_doc}, {Py_tp_new, session_new},
    {Py_tp_dealloc, session_dealloc}, {Py_tp_methods, session_methods},
    {Py_tp_getset, session_getset},   {0, NULL},
};

PyType_Spec fix_session_spec = {
    .name = "engine._core.FixSession",
    .basicsize = sizeof(struct py_session),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_IMMUTABLETYPE,
    .slots = session_slots,
};

/* AuditWriter: a ring and its writer, for tools and tests; the engine has its own in C. */
#include "base/clock.h"
#include "trade/audit/writer.h"

#include "py/py_records.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* What needs more alignment than an object has. */
struct parts {
    struct rl_audit audit;
    struct rl_audit_writer writer;
};

struct py_audit_writer {
    PyObject_HEAD
    struct parts *parts;
    void *slots;
    struct rl_audit_thread *thread;
    bool is_busy;             /* in a call that let go of the interpreter */
    Py_ssize_t shape, stride; /* of the words */
};

static struct py_audit_writer *of(PyObject *op)
{
    return (struct py_audit_writer *)op;
}

static PyObject *raise_of(PyObject *op, int64_t err, const char *what)
{
    return core_raise(PyType_GetModule(Py_TYPE(op)), (int)err, what);
}

/* Says yes and does nothing: a test that cannot catch this proves nothing of the real one. */
static int sync_lost(int fd)
{
    (void)fd;
    return 0;
}

static int open_writer(struct py_audit_writer *self, struct rl_audit_writer_config *config,
                       unsigned long long n_slots, bool loses_sync, const char **why)
{
    static struct rl_audit_io without_sync;
    int err;

    *why = "a ring is a power of two of at most 2^24 records";
    if (n_slots == 0 || n_slots > 1u << 24 || (n_slots & (n_slots - 1)) != 0)
        return -EINVAL;
    *why = NULL;
    self->parts = aligned_alloc(RL_RING_APART, sizeof(*self->parts));
    self->slots = aligned_alloc(RL_CACHE_LINE, n_slots * RL_RING_SLOT_BYTES);
    if (!self->parts || !self->slots)
        return -ENOMEM;
    memset(self->parts, 0, sizeof(*self->parts));
    err = rl_audit_init(&self->parts->audit, self->slots, n_slots);
    if (err)
        return err;
    without_sync = rl_audit_io_kernel;
    without_sync.fdatasync = without_sync.fsync = sync_lost;
    config->io = loses_sync ? &without_sync : NULL;
    return rl_audit_writer_open(&self->parts->writer, &self->parts->audit, config, rl_tsc(), why);
}

/* 32 bytes or none. */
static int take_hash(const char *name, const Py_buffer *given, uint8_t out[RL_SHA256_BYTES])
{
    if (given->obj && given->len != RL_SHA256_BYTES) {
        PyErr_Format(PyExc_ValueError, "%s: %zd bytes, not 32", name, given->len);
        return -1;
    }
    if (given->obj)
        memcpy(out, given->buf, RL_SHA256_BYTES);
    return 0;
}

static PyObject *writer_new(PyTypeObject *type, PyObject *args, PyObject *kw)
{
    static char *names[] = {"directory", "tsc_hz",          "n_slots",         "segment_bytes",
                            "rotate_ns", "commit_ns",       "id_epoch",        "commit_records",
                            "stall_ns",  "emergency_bytes", "config_hash",     "limits_hash",
                            "build_id",  "host_id",         "is_clock_synced", "loses_sync",
                            NULL};
    struct rl_audit_writer_config config = {0};
    unsigned long long n_slots = 65536;
    Py_buffer config_hash = {0}, limits_hash = {0};
    int is_clock_synced = 0, loses_sync = 0, err = 0;
    struct py_audit_writer *self = NULL;
    const char *why = NULL;
    PyObject *dir = NULL;

    if (!PyArg_ParseTupleAndKeywords(
            args, kw, "O&K|$KKKKKKKKy*y*sspp:AuditWriter", names, PyUnicode_FSConverter, &dir,
            &config.tsc_hz, &n_slots, &config.segment_bytes, &config.rotate_ns, &config.commit_ns,
            &config.id_epoch, &config.commit_records, &config.stall_ns, &config.emergency_bytes,
            &config_hash, &limits_hash, &config.build_id, &config.host_id, &is_clock_synced,
            &loses_sync))
        return NULL;
    if (take_hash("config_hash", &config_hash, config.config_hash) == 0 &&
        take_hash("limits_hash", &limits_hash, config.limits_hash) == 0)
        self = (struct py_audit_writer *)((allocfunc)PyType_GetSlot(type, Py_tp_alloc))(type, 0);
    if (self) {
        config.dir = PyBytes_AsString(dir);
        config.is_clock_synced = is_clock_synced;
        self->shape = sizeof(struct rl_audit_words);
        self->stride = 1;
        Py_BEGIN_ALLOW_THREADS
        err = open_writer(self, &config, n_slots, loses_sync, &why);
        Py_END_ALLOW_THREADS
    }
    if (self && err) {
        core_raise(PyType_GetModule(type), err, why);
        Py_CLEAR(self);
    }
    PyBuffer_Release(&config_hash);
    PyBuffer_Release(&limits_hash);
    Py_DECREF(dir);
    return (PyObject *)self;
}

static void writer_dealloc(PyObject *op)
{
    struct py_audit_writer *self = of(op);
    PyTypeObject *type = Py_TYPE(op);

    Py_BEGIN_ALLOW_THREADS
    if (self->thread)
        rl_audit_thread_stop(self->thread);
    else if (self->parts)
        rl_audit_writer_abandon(&self->parts->writer);
    Py_END_ALLOW_THREADS
    free(self->parts);
    free(self->slots);
    ((freefunc)PyType_GetSlot(type, Py_tp_free))(op);
    Py_DECREF(type);
}

static PyObject *writer_append(PyObject *op, PyObject *args, PyObject *kw)
{
    static char *names[] = {"records", "n_more", NULL};
    struct rl_audit *a = &of(op)->parts->audit;
    struct py_records records;
    unsigned long long n_more = 0;
    PyObject *given;
    uint64_t n = 0;

    if (!PyArg_ParseTupleAndKeywords(args, kw, "O|K:append", names, &given, &n_more) ||
        py_records_hold(&records,
                        &(struct py_records_want){.op = given,
                                                  .name = "records",
                                                  .n_bytes = sizeof(struct rl_audit_record)},
                        1) < 0)
        return NULL;
    for (; n < records.n; n++) {
        struct rl_audit_record *r = rl_audit_claim(a, n_more);

        if (!r)
            break;
        /* All but the first eight bytes, which are the ring's until the writer numbers them. */
        memcpy((char *)r + 8, (const char *)records.view.buf + n * sizeof(*r) + 8, sizeof(*r) - 8);
        rl_audit_commit(a);
    }
    py_records_release(&records, 1);
    return PyLong_FromUnsignedLongLong(n);
}

/* -1 with an exception when the writer is another thread's now. */
static int is_ours(PyObject *op)
{
    if (!of(op)->thread && !of(op)->is_busy)
        return 0;
    raise_of(op, -EBUSY,
             of(op)->thread ? "the writer has a thread of its own: close() stops it"
                            : "another thread is in a call of this writer");
    return -1;
}

/* The argument of step, commit, rotate and close: the present in ticks; left out, it is read. */
static int parse_now(PyObject *args, const char *format, uint64_t *now)
{
    unsigned long long given = 0;

    if (!PyArg_ParseTuple(args, format, &given))
        return -1;
    *now = given ? given : rl_tsc();
    return 0;
}

static PyObject *writer_step(PyObject *op, PyObject *args)
{
    uint64_t now;
    int64_t n;

    if (parse_now(args, "|K:step", &now) < 0 || is_ours(op) < 0)
        return NULL;
    of(op)->is_busy = true;
    Py_BEGIN_ALLOW_THREADS
    n = rl_audit_writer_step(&of(op)->parts->writer, now);
    Py_END_ALLOW_THREADS
    of(op)->is_busy = false;
    return n < 0 ? raise_of(op, n, NULL) : PyLong_FromLongLong(n);
}

static PyObject *writer_commit(PyObject *op, PyObject *args)
{
    uint64_t now;
    int err;

    if (parse_now(args, "|K:commit", &now) < 0 || is_ours(op) < 0)
        return NULL;
    of(op)->is_busy = true;
    Py_BEGIN_ALLOW_THREADS
    err = rl_audit_writer_commit(&of(op)->parts->writer, now);
    Py_END_ALLOW_THREADS
    of(op)->is_busy = false;
    return err ? raise_of(op, err, NULL) : Py_NewRef(Py_None);
}

static PyObject *writer_rotate(PyObject *op, PyObject *args)
{
    uint64_t now;
    int err;

    if (parse_now(args, "|K:rotate", &now) < 0 || is_ours(op) < 0)
        return NULL;
    of(op)->is_busy = true;
    Py_BEGIN_ALLOW_THREADS
    err = rl_audit_writer_rotate(&of(op)->parts->writer, now);
    Py_END_ALLOW_THREADS
    of(op)->is_busy = false;
    return err ? raise_of(op, err, NULL) : Py_NewRef(Py_None);
}

static PyObject *writer_start(PyObject *op, PyObject *args, PyObject *kw)
{
    static char *names[] = {"cpu", "poll_ns", NULL};
    unsigned long long poll_ns = 0;
    int cpu = -1, err;

    if (!PyArg_ParseTupleAndKeywords(args, kw, "|iK:start", names, &cpu, &poll_ns) ||
        is_ours(op) < 0)
        return NULL;
    if (!of(op)->parts->writer.is_open)
        return raise_of(op, -EBADF, "the writer is closed");
    err = rl_audit_thread_start(&of(op)->thread, &of(op)->parts->writer, cpu, poll_ns);
    return err ? raise_of(op, err, NULL) : Py_NewRef(Py_None);
}

static PyObject *writer_close(PyObject *op, PyObject *args)
{
    struct py_audit_writer *self = of(op);
    struct rl_audit_thread *thread = self->thread;
    uint64_t now;
    int err;

    self->thread = NULL;
    if (parse_now(args, "|K:close", &now) < 0 || is_ours(op) < 0) {
        self->thread = thread;
        return NULL;
    }
    self->is_busy = true;
    Py_BEGIN_ALLOW_THREADS
    err = thread ? rl_audit_thread_stop(thread) : rl_audit_writer_close(&self->parts->writer, now);
    Py_END_ALLOW_THREADS
    self->is_busy = false;
    return err ? raise_of(op, err, NULL) : Py_NewRef(Py_None);
}

static PyObject *writer_abandon(PyObject *op, PyObject *unused)
{
    (void)unused;
    if (is_ours(op) < 0)
        return NULL;
    rl_audit_writer_abandon(&of(op)->parts->writer);
    Py_RETURN_NONE;
}

static PyObject *writer_position(PyObject *op, void *unused)
{
    (void)unused;
    return PyLong_FromUnsignedLongLong(rl_audit_position(&of(op)->parts->audit));
}

static PyObject *writer_durable(PyObject *op, void *unused)
{
    (void)unused;
    return PyLong_FromUnsignedLongLong(rl_audit_durable(&of(op)->parts->audit));
}

static PyObject *writer_error(PyObject *op, void *unused)
{
    (void)unused;
    return PyLong_FromUnsignedLong(rl_audit_error(&of(op)->parts->audit));
}

/* The words as bytes, read-only; the view keeps the object alive. */
static int writer_getbuffer(PyObject *op, Py_buffer *view, int flags)
{
    struct py_audit_writer *self = of(op);

    if (flags & PyBUF_WRITABLE) {
        PyErr_SetString(PyExc_BufferError, "the words of an AuditWriter are read-only");
        view->obj = NULL;
        return -1;
    }
    Py_INCREF(op);
    *view = (Py_buffer){
        .obj = op,
        .buf = &self->parts->audit.words,
        .len = self->shape,
        .itemsize = 1,
        .readonly = 1,
        .ndim = 1,
        .format = (flags & PyBUF_FORMAT) ? "B" : NULL,
        .shape = &self->shape,
        .strides = (flags & PyBUF_STRIDES) == PyBUF_STRIDES ? &self->stride : NULL,
    };
    return 0;
}

PyDoc_STRVAR(writer_doc,
             "AuditWriter(directory, tsc_hz, *, n_slots=65536, segment_bytes=0, rotate_ns=0, "
             "commit_ns=0, id_epoch=0, commit_records=0, stall_ns=0, emergency_bytes=0, "
             "config_hash=..., limits_hash=..., build_id=..., host_id=..., is_clock_synced=False, "
             "loses_sync=False)\n--\n\n"
             "A ring and the writer behind it (csrc/trade/audit/writer.h); 0 is its default.\n\n"
             "One thread appends, one steps. np.frombuffer(writer) views the words. With\n"
             "loses_sync nothing is ever synced: for tests that must notice.");
PyDoc_STRVAR(append_doc, "append($self, /, records, n_more=0)\n--\n\n"
                         "Claim and commit records of 64 bytes; how many found room.");
PyDoc_STRVAR(step_doc, "step($self, now_tsc=0, /)\n--\n\nTake what waits; how many.");
PyDoc_STRVAR(commit_doc, "commit($self, now_tsc=0, /)\n--\n\nMake what waits durable now.");
PyDoc_STRVAR(rotate_doc, "rotate($self, now_tsc=0, /)\n--\n\nGo on in a new segment.");
PyDoc_STRVAR(start_doc, "start($self, /, cpu=-1, poll_ns=0)\n--\n\nStep in a thread of its own.");
PyDoc_STRVAR(close_doc, "close($self, now_tsc=0, /)\n--\n\nCommit, write the footer, let go.");
PyDoc_STRVAR(abandon_doc, "abandon($self, /)\n--\n\nLet go without writing, as a crash does.");

static PyMethodDef writer_methods[] = {
    {"append", RL_PY_KEYWORDS(writer_append), append_doc},
    {"step", writer_step, METH_VARARGS, step_doc},
    {"commit", writer_commit, METH_VARARGS, commit_doc},
    {"rotate", writer_rotate, METH_VARARGS, rotate_doc},
    {"start", RL_PY_KEYWORDS(writer_start), start_doc},
    {"close", writer_close, METH_VARARGS, close_doc},
    {"abandon", writer_abandon, METH_NOARGS, abandon_doc},
    {NULL, NULL, 0, NULL},
};

static PyGetSetDef writer_getset[] = {
    {"position", writer_position, NULL, "records committed to the ring", NULL},
    {"durable", writer_durable, NULL, "records of the ring that are on the disk", NULL},
    {"error", writer_error, NULL, "errno of what failed or is full, 0", NULL},
    {NULL, NULL, NULL, NULL, NULL},
};

static PyType_Slot writer_slots[] = {
    {Py_tp_doc, (void *)writer_doc},
    {Py_tp_new, writer_new},
    {Py_tp_dealloc, writer_dealloc},
    {Py_tp_methods, writer_methods},
    {Py_tp_getset, writer_getset},
    {Py_bf_getbuffer, writer_getbuffer},
    {0, NULL},
};

PyType_Spec audit_writer_spec = {
    .name = "engine._core.AuditWriter",
    .basicsize = sizeof(struct py_audit_writer),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_IMMUTABLETYPE,
    .slots = writer_slots,
};

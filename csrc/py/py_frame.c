/* Frames as bytes: headers written and read by csrc/net/frame.h, for whoever checks them. */
#include "net/frame.h"

#include "py/module.h"

#include <string.h>

static int mac_get(const char *what, const char *bytes, Py_ssize_t n, uint8_t mac[6])
{
    if (n != 6) {
        PyErr_Format(PyExc_ValueError, "%s: a MAC address has 6 bytes, not %zd", what, n);
        return -1;
    }
    memcpy(mac, bytes, 6);
    return 0;
}

static int uint16_get(const char *what, unsigned int value, uint16_t *out)
{
    if (value > UINT16_MAX) {
        PyErr_Format(PyExc_ValueError, "%s: above 65535: %u", what, value);
        return -1;
    }
    *out = (uint16_t)value;
    return 0;
}

static PyObject *frame_build(PyObject *module, PyObject *args, PyObject *kw)
{
    static char *names[] = {"payload", "from_mac", "to_mac", "from_ip",      "to_ip", "from_port",
                            "to_port", "vlan",     "ttl",    "has_checksum", "ip_id", NULL};
    const char *payload, *from_mac, *to_mac, *refusal;
    Py_ssize_t n_payload, n_from, n_to;
    unsigned int from_port, to_port, vlan, ip_id;
    struct rl_frame_template template;
    struct rl_flow flow = {0};
    PyObject *frame = NULL;
    uint16_t id;
    uint8_t *bytes;
    int has_checksum;

    (void)module;
    if (!PyArg_ParseTupleAndKeywords(args, kw, "y#$y#y#IIIIIbpI:frame_build", names, &payload,
                                     &n_payload, &from_mac, &n_from, &to_mac, &n_to, &flow.from_ip,
                                     &flow.to_ip, &from_port, &to_port, &vlan, &flow.ttl,
                                     &has_checksum, &ip_id) ||
        mac_get("from_mac", from_mac, n_from, flow.from_mac) < 0 ||
        mac_get("to_mac", to_mac, n_to, flow.to_mac) < 0 ||
        uint16_get("from_port", from_port, &flow.from_port) < 0 ||
        uint16_get("to_port", to_port, &flow.to_port) < 0 ||
        uint16_get("vlan", vlan, &flow.vlan) < 0 || uint16_get("ip_id", ip_id, &id) < 0)
        return NULL;
    flow.has_checksum = has_checksum;
    refusal = rl_flow_refusal(&flow);
    if (refusal)
        return PyErr_Format(PyExc_ValueError, "%s", refusal);
    if (n_payload > RL_FRAME_PAYLOAD_MAX)
        return PyErr_Format(PyExc_ValueError, "payload: at most %d bytes, not %zd",
                            RL_FRAME_PAYLOAD_MAX, n_payload);
    rl_frame_template_init(&template, &flow);
    bytes = PyMem_Malloc(template.n_header + (size_t)n_payload);
    if (!bytes)
        return PyErr_NoMemory();
    memcpy(bytes + template.n_header, payload, (size_t)n_payload);
    frame = PyBytes_FromStringAndSize(
        (const char *)bytes, (Py_ssize_t)rl_frame_write(&template, bytes, (uint32_t)n_payload, id));
    PyMem_Free(bytes);
    return frame;
}

static PyObject *frame_read(PyObject *module, PyObject *args, PyObject *kw)
{
    static char *names[] = {"frame", "mac", "ip", "group", "port", "vlan", "verifies_checksum",
                            NULL};
    struct rl_flow_filter want = {0};
    struct rl_datagram d = {0};
    enum rl_frame_reason reason;
    const char *frame, *mac = NULL, *refusal;
    Py_ssize_t n_frame, n_mac = 0;
    unsigned int port = 0, vlan = 0;
    int verifies = 0;

    (void)module;
    if (!PyArg_ParseTupleAndKeywords(args, kw, "y#|$z#IIIIp:frame_read", names, &frame, &n_frame,
                                     &mac, &n_mac, &want.ip, &want.group, &port, &vlan, &verifies))
        return NULL;
    if (mac) {
        if (mac_get("mac", mac, n_mac, want.mac) < 0 || uint16_get("port", port, &want.port) < 0 ||
            uint16_get("vlan", vlan, &want.vlan) < 0)
            return NULL;
        want.verifies_checksum = verifies;
        refusal = rl_flow_filter_refusal(&want);
        if (refusal)
            return PyErr_Format(PyExc_ValueError, "%s", refusal);
    }
    if ((size_t)n_frame > UINT32_MAX)
        return PyErr_Format(PyExc_ValueError, "frame: %zd bytes are too many", n_frame);
    reason = rl_frame_read((const uint8_t *)frame, (uint32_t)n_frame, mac ? &want : NULL, &d);
    if (reason != RL_FRAME_OK)
        return Py_BuildValue("sO", rl_frame_reason_name(reason), Py_None);
    return Py_BuildValue("s(y#IIIII)", rl_frame_reason_name(reason), (const char *)d.payload,
                         (Py_ssize_t)d.n_bytes, d.from_ip, d.to_ip, (unsigned int)d.from_port,
                         (unsigned int)d.to_port, (unsigned int)d.vlan);
}

static PyObject *frame_reasons(PyObject *module, PyObject *unused)
{
    PyObject *dict = PyDict_New();

    (void)module;
    (void)unused;
    for (unsigned i = RL_FRAME_OK + 1; dict && i < RL_N_FRAME_REASONS; i++) {
        if (core_put(dict, rl_frame_reason_name((enum rl_frame_reason)i),
                     PyUnicode_FromString(rl_frame_reason_text((enum rl_frame_reason)i))) < 0)
            Py_CLEAR(dict);
    }
    return dict;
}

PyDoc_STRVAR(build_doc,
             "frame_build($module, /, payload, *, from_mac, to_mac, from_ip, to_ip, from_port, "
             "to_port, vlan, ttl, has_checksum, ip_id)\n--\n\n"
             "A whole frame around a datagram.");
PyDoc_STRVAR(read_doc, "frame_read($module, /, frame, *, mac=None, ip=0, group=0, port=0, vlan=0, "
                       "verifies_checksum=False)\n--\n\n"
                       "(reason, datagram or None), as a receiver sees it; no mac: of anybody.");

PyMethodDef frame_functions[] = {
    {"frame_build", RL_PY_KEYWORDS(frame_build), build_doc},
    {"frame_read", RL_PY_KEYWORDS(frame_read), read_doc},
    {"frame_reasons", frame_reasons, METH_NOARGS,
     "frame_reasons($module, /)\n--\n\nWhy a frame is refused: name -> text."},
    {NULL, NULL, 0, NULL},
};

/*
 * QuickFIX writes the orders that it was shown: a NewOrderSingle filled field by field, toString.
 * The values are read from the input before anything is timed.
 */
#include "quickfix_peer.hpp"

namespace {

struct Order {
    int seq;
    std::string id, symbol;
    char side, force;
    double qty, px;
};

class QuickFixEncode
{
public:
    /* The same clock for all: what a time costs to render is in, reading a clock is not. */
    QuickFixEncode() : now_(FIX::UtcTimeStamp(15, 38, 2, 500, 21, 9, 2026)) {}

    void start() { next_ = 0; }

    uint64_t step(const uint8_t *bytes, uint32_t n)
    {
        if (next_ == orders_.size())
            orders_.push_back(read(bytes, n)); /* the replay that warms up */
        write(orders_[next_++]);
        return out_.size();
    }

    /* What was written, read back: order_values of csrc/rig/component_encode.c. */
    uint64_t answer(uint64_t)
    {
        uint64_t hash = 0;

        for (const Order &order : orders_) {
            write(order);
            const FIX::Message m(out_);
            uint64_t answer = fold_uint(0, m.getHeader(), 34);

            answer = fold_uint(answer, m, 38);
            answer = fold_char(answer, m, 54);
            answer = fold_char(answer, m, 59);
            answer = fold_px(answer, m, 44);
            for (char c : m.getField(55))
                answer = fold(answer, 55, static_cast<uint8_t>(c));
            hash += mix(answer);
        }
        return hash;
    }

    const char *about() { return "libquickfix, NewOrderSingle and toString"; }

private:
    void write(const Order &order)
    {
        FIX44::NewOrderSingle m(FIX::ClOrdID(order.id), FIX::Side(order.side),
                                FIX::TransactTime(now_, 6), FIX::OrdType('2'));

        m.getHeader().setField(FIX::SenderCompID("REDLINE"));
        m.getHeader().setField(FIX::TargetCompID("EXCHANGE"));
        m.getHeader().setField(FIX::MsgSeqNum(order.seq));
        m.getHeader().setField(FIX::SendingTime(now_, 6));
        m.setField(FIX::Symbol(order.symbol));
        m.setField(FIX::OrderQty(order.qty));
        m.setField(FIX::Price(order.px));
        m.setField(FIX::TimeInForce(order.force));
        m.toString(out_);
    }

    static Order read(const uint8_t *bytes, uint32_t n)
    {
        const FIX::Message m(std::string(reinterpret_cast<const char *>(bytes), n));

        return Order{std::atoi(m.getHeader().getField(34).c_str()),
                     m.getField(11),
                     m.getField(55),
                     m.getField(54)[0],
                     m.getField(59)[0],
                     std::atof(m.getField(38).c_str()),
                     std::atof(m.getField(44).c_str())};
    }

    std::vector<Order> orders_;
    size_t next_ = 0;
    FIX::UtcTimeStamp now_;
    std::string out_;
};

} // namespace

int main(int argc, char **argv)
{
    return peer_main<QuickFixEncode>(argc, argv);
}

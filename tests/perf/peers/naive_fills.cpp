/*
 * What most people write first to book executions: orders in an unordered_map, positions in
 * another, average cost in doubles. Finds the order, adds to what is filled, moves the position. It
 * does less than oms.fill, and is here to show what the rest costs: no execution is known twice, no
 * impossible answer is noticed, risk is not told, nothing is recorded, and money is rounded.
 */
#include <unordered_map>

#include "peer.hpp"

namespace
{

/* perf.inputs.FILL */
struct Fill {
    uint64_t id, exec, qty;
    int64_t px_nano;
    uint32_t instrument;
    uint32_t side;
};
static_assert(sizeof(Fill) == 40, "FILL");

struct Order {
    uint32_t instrument, side;
    double px;
    uint64_t qty, filled;
    bool is_open;
};

struct Position {
    double qty = 0, average = 0, realised = 0;
};

class NaiveFills
{
  public:
    void start()
    {
        for (auto &held : positions_)
            held.second = Position();
        for (auto &known : orders_)
            known.second.filled = 0;
    }

    uint64_t step(const uint8_t *bytes, uint32_t)
    {
        Fill fill;

        std::memcpy(&fill, bytes, sizeof fill);
        const auto found = orders_.find(fill.id);
        if (found == orders_.end()) { /* the replay that warms up sends the orders as well */
            orders_.emplace(fill.id, Order{fill.instrument, fill.side, fill.px_nano * 1e-9,
                                           UINT64_C(1) << 40, fill.qty, true});
            book(fill.instrument, fill.side, fill.qty, fill.px_nano * 1e-9);
            return 0;
        }
        Order &order = found->second;
        order.filled += fill.qty;
        order.is_open = order.filled < order.qty;
        book(order.instrument, order.side, fill.qty, fill.px_nano * 1e-9);
        return order.filled > order.qty;
    }

    /* Of the flags of all fills, as rl_oms_event gives them: none; something else when the sums of
     * orders and positions differ. */
    uint64_t answer(uint64_t sum)
    {
        double orders = 0, positions = 0;

        for (const auto &known : orders_)
            orders +=
                (known.second.side == 0 ? 1.0 : -1.0) * static_cast<double>(known.second.filled);
        for (const auto &held : positions_)
            positions += held.second.qty;
        return orders == positions ? mix(sum) : kNotParsed;
    }

    const char *about()
    {
        return "std::unordered_map and doubles; no risk, no record, no duplicate found";
    }

  private:
    void book(uint32_t instrument, uint32_t side, uint64_t lots, double px)
    {
        Position &p = positions_[instrument];
        const double qty = side == 0 ? static_cast<double>(lots) : -static_cast<double>(lots);
        const double after = p.qty + qty;

        if (p.qty * qty >= 0) {
            p.average = (p.average * p.qty + px * qty) / after;
        } else {
            const bool is_flip = after * p.qty < 0;

            p.realised += (px - p.average) * (is_flip ? p.qty : -qty);
            if (is_flip)
                p.average = px;
        }
        p.qty = after;
    }

    std::unordered_map<uint64_t, Order> orders_;
    std::unordered_map<uint32_t, Position> positions_;
};

} // namespace

int main(int argc, char **argv)
{
    return peer_main<NaiveFills>(argc, argv);
}

// Two QuickFIX sessions that trade with each other at an exchange, and say what they came to.
//
//     quickfix_trader HOST PORT BEGIN_STRING ORDERS SEED [DICTIONARY]
//
// Sessions ALICE and BOB send ORDERS orders in all, with replaces and cancels of what is open, at
// most a few unanswered at a time. Whatever happens to the connection QuickFIX reconnects and
// recovers by itself. At the end both ask the venue for the state of every order that is live
// (OrderMassStatusRequest) and print one line of JSON: what they believe, what the venue says.
#include <quickfix/Application.h>
#include <quickfix/Log.h>
#include <quickfix/MessageStore.h>
#include <quickfix/Session.h>
#include <quickfix/SocketInitiator.h>

#include <chrono>
#include <condition_variable>
#include <cstdio>
#include <cstdlib>
#include <iostream>
#include <map>
#include <mutex>
#include <random>
#include <sstream>
#include <string>
#include <vector>

namespace {

constexpr int WINDOW = 32;       // unanswered requests of a session
constexpr auto PATIENCE = std::chrono::seconds(60);
constexpr auto QUIET = std::chrono::milliseconds(1500);

struct Order {
    std::string symbol, price;
    int side = 0, qty = 0, cum = 0;
    bool isOpen = false;
};

struct Fill {
    std::string symbol, price;
    int side = 0, qty = 0;
};

struct Desk {
    std::map<std::string, Order> orders;   // by ClOrdID
    std::map<std::string, Fill> fills;     // by ExecID
    std::map<std::string, std::pair<int, int>> statuses; // ClOrdID -> cum, leaves: as the venue says
    std::map<std::string, std::string> pending; // ClOrdIDs without an answer -> what they change
    std::map<std::string, int> position;
    int duplicates = 0, rejects = 0, cancelRejects = 0, logons = 0, orderCount = 0;
    int replaceCount = 0, cancelCount = 0, surprises = 0;
    bool isOn = false;
};

class Trader : public FIX::Application {
  public:
    std::mutex mutex;
    std::condition_variable changed;
    std::map<std::string, Desk> desks;
    std::chrono::steady_clock::time_point heard = std::chrono::steady_clock::now();

    void onCreate(const FIX::SessionID &) override {}
    void onLogon(const FIX::SessionID &id) override
    {
        std::lock_guard<std::mutex> lock(mutex);
        desk(id).isOn = true;
        desk(id).logons++;
        changed.notify_all();
    }
    void onLogout(const FIX::SessionID &id) override
    {
        std::lock_guard<std::mutex> lock(mutex);
        desk(id).isOn = false;
    }
    void toAdmin(FIX::Message &, const FIX::SessionID &) override {}
    // What QuickFIX refuses by itself: the venue's answer would not say why.
    void toApp(FIX::Message &m, const FIX::SessionID &id) throw(FIX::DoNotSend) override
    {
        if (m.getHeader().getField(35) != "j")
            return;
        std::lock_guard<std::mutex> lock(mutex);
        std::cerr << "refuses: " << m << "\n";
        desk(id).surprises++;
    }
    void fromAdmin(const FIX::Message &m, const FIX::SessionID &id) throw(
        FIX::FieldNotFound, FIX::IncorrectDataFormat, FIX::IncorrectTagValue,
        FIX::RejectLogon) override
    {
        std::lock_guard<std::mutex> lock(mutex);
        if (m.getHeader().getField(35) == "3") {
            std::cerr << "rejected: " << m << "\n";
            desk(id).surprises++;
        }
    }
    void fromApp(const FIX::Message &m, const FIX::SessionID &id) throw(
        FIX::FieldNotFound, FIX::IncorrectDataFormat, FIX::IncorrectTagValue,
        FIX::UnsupportedMessageType) override
    {
        std::lock_guard<std::mutex> lock(mutex);
        const std::string type = m.getHeader().getField(35);

        heard = std::chrono::steady_clock::now();
        if (type == "8")
            report(desk(id), m);
        else if (type == "9")
            refused(desk(id), m);
        else {
            std::cerr << "unexpected: " << m << "\n";
            desk(id).surprises++;
        }
        changed.notify_all();
    }

    Desk &desk(const FIX::SessionID &id) { return desks[id.getSenderCompID().getValue()]; }

  private:
    static int number(const FIX::Message &m, int tag) { return std::atoi(m.getField(tag).c_str()); }

    void report(Desk &d, const FIX::Message &m)
    {
        const char kind = m.getField(150)[0];

        if (kind == 'I' && !m.isSetField(11))
            return; // what was asked for has no order: nothing of this desk is live
        const std::string id = m.getField(11);
        if (kind == 'I') {
            d.statuses[id] = {number(m, 14), number(m, 151)};
            return;
        }
        Order &o = d.orders[id];
        switch (kind) {
        case '0':
            o.isOpen = number(m, 151) > 0;
            break;
        case '5': {
            Order &was = d.orders[m.getField(41)];
            const int done = was.cum;

            was.isOpen = false;
            o.cum = done;
            o.isOpen = number(m, 151) > 0;
            break;
        }
        case '8':
            d.rejects++;
            break;
        case '4':
        case 'C':
            if (m.isSetField(41))
                d.orders[m.getField(41)].isOpen = false;
            o.isOpen = false;
            break;
        case 'F':
            fill(d, o, m);
            break;
        default:
            std::cerr << "unexpected: " << m << "\n";
            d.surprises++;
        }
        d.pending.erase(id);
    }

    void fill(Desk &d, Order &o, const FIX::Message &m)
    {
        const int qty = number(m, 32), side = m.getField(54) == "1" ? 1 : -1;
        const Fill f{m.getField(55), m.getField(31), side, qty};

        if (!d.fills.emplace(m.getField(17), f).second) {
            d.duplicates++;
            return;
        }
        o.cum += qty;
        d.position[f.symbol] += side * qty;
        o.isOpen = number(m, 151) > 0;
        if (o.cum != number(m, 14)) {
            std::cerr << "CumQty " << m << " but " << o.cum << "\n";
            d.surprises++;
        }
    }

    void refused(Desk &d, const FIX::Message &m)
    {
        d.cancelRejects++;
        d.pending.erase(m.getField(11));
    }
};

class Market {
  public:
    Market(Trader &trader, const std::string &begin, unsigned seed)
        : trader_(trader), begin_(begin), random_(seed)
    {
    }

    // One request of that session; false when nothing came of it for too long.
    bool act(const std::string &name)
    {
        std::unique_lock<std::mutex> lock(trader_.mutex);
        Desk &d = trader_.desks[name];

        if (!trader_.changed.wait_for(lock, PATIENCE, [&] { return d.pending.size() < WINDOW; }))
            return false;
        const std::vector<std::string> open = openOrders(d);
        const unsigned dice = random_() % 10;
        FIX::Message m = open.size() > 40 || (dice < 2 && !open.empty()) ? cancel(d, open)
                         : dice < 5 && !open.empty()                    ? replace(d, open)
                                                                        : order(d);
        lock.unlock();
        FIX::Session::sendToTarget(m, name, "REDLINE");
        return true;
    }

    // Every session asks what is live; false when the venue does not answer.
    bool settle()
    {
        if (!quiet())
            return false;
        for (auto &entry : trader_.desks) {
            FIX::Message m;
            m.getHeader().setField(FIX::BeginString(begin_));
            m.getHeader().setField(FIX::MsgType("AF"));
            m.setField(584, "status-" + entry.first);
            m.setField(585, "7");
            FIX::Session::sendToTarget(m, entry.first, "REDLINE");
        }
        {
            std::lock_guard<std::mutex> lock(trader_.mutex);
            trader_.heard = std::chrono::steady_clock::now(); // the answers are under way
        }
        return quiet();
    }

    int orders() const { return orders_; }

  private:
    // One request about an order at a time: which of two came first is then never in doubt.
    static bool isBusy(const Desk &d, const std::string &id)
    {
        for (const auto &entry : d.pending)
            if (entry.first == id || entry.second == id)
                return true;
        return false;
    }

    static std::vector<std::string> openOrders(const Desk &d)
    {
        std::vector<std::string> open;
        for (const auto &entry : d.orders)
            if (entry.second.isOpen && !isBusy(d, entry.first))
                open.push_back(entry.first);
        return open;
    }

    FIX::Message begin(const char *type, const std::string &id)
    {
        FIX::Message m;
        m.getHeader().setField(FIX::BeginString(begin_));
        m.getHeader().setField(FIX::MsgType(type));
        m.setField(FIX::ClOrdID(id));
        m.setField(FIX::TransactTime(true));
        return m;
    }

    std::string nextId() { return "Q" + std::to_string(++ids_); }

    std::string price()
    {
        char text[16];
        std::snprintf(text, sizeof text, "%.2f", 99.90 + 0.01 * static_cast<double>(random_() % 20));
        return text;
    }

    void describe(FIX::Message &m, const Order &o)
    {
        m.setField(21, "1");
        m.setField(38, std::to_string(o.qty));
        m.setField(40, "2");
        m.setField(44, o.price);
        m.setField(54, o.side > 0 ? "1" : "2");
        m.setField(55, o.symbol);
        m.setField(59, "0");
    }

    FIX::Message order(Desk &d)
    {
        const std::string id = nextId();
        Order o;
        o.symbol = random_() % 2 ? "AAPL" : "MSFT";
        o.price = price();
        o.side = random_() % 2 ? 1 : -1;
        o.qty = 1 + static_cast<int>(random_() % 20);
        FIX::Message m = begin("D", id);
        describe(m, o);
        d.orders[id] = o;
        d.pending[id] = "";
        d.orderCount++;
        orders_++;
        return m;
    }

    FIX::Message replace(Desk &d, const std::vector<std::string> &open)
    {
        const std::string was = open[random_() % open.size()], id = nextId();
        Order o = d.orders[was];
        o.price = price();
        o.qty = o.cum + 1 + static_cast<int>(random_() % 20);
        o.isOpen = false;
        FIX::Message m = begin("G", id);
        m.setField(41, was);
        describe(m, o);
        d.orders[id] = o;
        d.pending[id] = was;
        d.replaceCount++;
        return m;
    }

    FIX::Message cancel(Desk &d, const std::vector<std::string> &open)
    {
        const std::string was = open[random_() % open.size()], id = nextId();
        const Order &o = d.orders[was];
        FIX::Message m = begin("F", id);
        m.setField(38, std::to_string(o.qty));
        m.setField(41, was);
        m.setField(54, o.side > 0 ? "1" : "2");
        m.setField(55, o.symbol);
        d.pending[id] = was;
        d.cancelCount++;
        return m;
    }

    // Nothing is pending, and nothing came for a while.
    bool quiet()
    {
        std::unique_lock<std::mutex> lock(trader_.mutex);
        const auto end = std::chrono::steady_clock::now() + PATIENCE;

        while (std::chrono::steady_clock::now() < end) {
            bool isQuiet = std::chrono::steady_clock::now() - trader_.heard > QUIET;
            for (const auto &entry : trader_.desks)
                isQuiet &= entry.second.pending.empty() && entry.second.isOn;
            if (isQuiet)
                return true;
            trader_.changed.wait_for(lock, std::chrono::milliseconds(50));
        }
        return false;
    }

    Trader &trader_;
    const std::string begin_;
    std::mt19937 random_;
    int ids_ = 0, orders_ = 0;
};

void print(const Trader &trader, bool isSettled)
{
    std::cout << "{\"settled\": " << (isSettled ? "true" : "false") << ", \"desks\": {";
    const char *comma = "";
    for (const auto &entry : trader.desks) {
        const Desk &d = entry.second;
        std::cout << comma << "\"" << entry.first << "\": {\"orders\": " << d.orderCount
                  << ", \"replaces\": " << d.replaceCount << ", \"cancels\": " << d.cancelCount
                  << ", \"rejects\": " << d.rejects << ", \"cancel_rejects\": " << d.cancelRejects
                  << ", \"duplicates\": " << d.duplicates << ", \"surprises\": " << d.surprises
                  << ", \"logons\": " << d.logons << ", \"open\": {";
        const char *inner = "";
        for (const auto &o : d.orders)
            if (o.second.isOpen) {
                std::cout << inner << "\"" << o.first << "\": [" << o.second.cum << ", "
                          << o.second.qty - o.second.cum << "]";
                inner = ", ";
            }
        std::cout << "}, \"venue\": {";
        inner = "";
        for (const auto &s : d.statuses) {
            std::cout << inner << "\"" << s.first << "\": [" << s.second.first << ", "
                      << s.second.second << "]";
            inner = ", ";
        }
        std::cout << "}, \"fills\": {";
        inner = "";
        for (const auto &f : d.fills) {
            std::cout << inner << "\"" << f.first << "\": [\"" << f.second.symbol << "\", "
                      << f.second.side << ", " << f.second.qty << ", \"" << f.second.price << "\"]";
            inner = ", ";
        }
        std::cout << "}, \"position\": {";
        inner = "";
        for (const auto &p : d.position) {
            std::cout << inner << "\"" << p.first << "\": " << p.second;
            inner = ", ";
        }
        std::cout << "}}";
        comma = ", ";
    }
    std::cout << "}}" << std::endl;
}

std::string settingsText(char **argv, const char *dictionary)
{
    std::ostringstream text;
    text << "[DEFAULT]\nConnectionType=initiator\nReconnectInterval=1\nHeartBtInt=5\n"
         << "StartTime=00:00:00\nEndTime=00:00:00\nSocketConnectHost=" << argv[1]
         << "\nSocketConnectPort=" << argv[2] << "\nSocketNodelay=Y\nTargetCompID=REDLINE\n"
         << "BeginString=" << argv[3] << "\n";
    if (dictionary)
        text << "UseDataDictionary=Y\nDataDictionary=" << dictionary << "\n";
    else
        text << "UseDataDictionary=N\n";
    text << "[SESSION]\nSenderCompID=ALICE\n[SESSION]\nSenderCompID=BOB\n";
    return text.str();
}

} // namespace

int main(int argc, char **argv)
{
    if (argc < 6) {
        std::cerr << "usage: quickfix_trader HOST PORT BEGIN_STRING ORDERS SEED [DICTIONARY]\n";
        return 2;
    }
    try {
        std::istringstream text(settingsText(argv, argc > 6 ? argv[6] : nullptr));
        FIX::SessionSettings settings(text);
        Trader trader;
        FIX::MemoryStoreFactory stores; // what is sent again comes from here
        FIX::SocketInitiator initiator(trader, stores, settings);
        Market market(trader, argv[3], static_cast<unsigned>(std::atoi(argv[5])));
        const int wanted = std::atoi(argv[4]);
        bool isWell = true;

        trader.desks["ALICE"];
        trader.desks["BOB"];
        initiator.start();
        {
            std::unique_lock<std::mutex> lock(trader.mutex);
            isWell = trader.changed.wait_for(lock, PATIENCE, [&] {
                return trader.desks["ALICE"].isOn && trader.desks["BOB"].isOn;
            });
        }
        for (int i = 0; isWell && market.orders() < wanted; i++)
            isWell = market.act(i % 2 ? "ALICE" : "BOB");
        isWell = isWell && market.settle();
        initiator.stop();
        print(trader, isWell);
        return isWell ? 0 : 1;
    } catch (const std::exception &error) {
        std::cerr << "quickfix_trader: " << error.what() << "\n";
        return 1;
    }
}

/*
 * tags - the tags that the code here names; any other is read and written just as well.
 */
#ifndef RL_MARKET_FIX_TAGS_H
#define RL_MARKET_FIX_TAGS_H

enum rl_fix_tag {
    RL_FIX_AvgPx = 6,
    RL_FIX_BeginString = 8,
    RL_FIX_BodyLength = 9,
    RL_FIX_CheckSum = 10,
    RL_FIX_ClOrdID = 11,
    RL_FIX_CumQty = 14,
    RL_FIX_ExecID = 17,
    RL_FIX_ExecRefID = 19,
    RL_FIX_LastPx = 31,
    RL_FIX_LastQty = 32,
    RL_FIX_MsgSeqNum = 34,
    RL_FIX_MsgType = 35,
    RL_FIX_NewSeqNo = 36,
    RL_FIX_OrderID = 37,
    RL_FIX_OrderQty = 38,
    RL_FIX_OrdStatus = 39,
    RL_FIX_OrdType = 40,
    RL_FIX_OrigClOrdID = 41,
    RL_FIX_Price = 44,
    RL_FIX_SecurityID = 48,
    RL_FIX_SenderCompID = 49,
    RL_FIX_SendingTime = 52,
    RL_FIX_Side = 54,
    RL_FIX_Symbol = 55,
    RL_FIX_TargetCompID = 56,
    RL_FIX_Text = 58,
    RL_FIX_TimeInForce = 59,
    RL_FIX_TransactTime = 60,
    RL_FIX_CxlRejReason = 102,
    RL_FIX_ResetSeqNumFlag = 141,
    RL_FIX_ExecType = 150,
    RL_FIX_LeavesQty = 151,
    RL_FIX_NoMDEntries = 268,
    RL_FIX_MDEntryType = 269,
    RL_FIX_MDEntryPx = 270,
    RL_FIX_MDEntrySize = 271,
    RL_FIX_MDEntryID = 278,
    RL_FIX_MDUpdateAction = 279,
    RL_FIX_CxlRejResponseTo = 434,
    RL_FIX_SecondaryClOrdID = 526,
    RL_FIX_MassCancelRequestType = 530,
    RL_FIX_MassCancelResponse = 531,
    RL_FIX_TotalAffectedOrders = 533,
    RL_FIX_ApplSeqNum = 1181,
};

#endif

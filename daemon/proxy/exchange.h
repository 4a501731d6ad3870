/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* Exchange: one request and its answer between the client and a reached origin. Both bodies run at
 * the same time in one worker, each through a Pipe of its own: neither direction ever blocks the
 * other.
 *
 * A client whose FIN arrives while it awaits an answer counts as having left: the upstream request
 * is ended. */
#pragma once

#include "daemon/proxy/upstream.h"

typedef struct Exchange Exchange;

typedef enum
{
  EXCHANGE_PARK,  /* the request is out, the origin is silent: req->wait says for what to park it */
  EXCHANGE_DONE,  /* answered, or the client is gone: req->after tells */
  EXCHANGE_STALE, /* a reused connection that was dead: nothing has been answered, up is closed */
  EXCHANGE_UNSEEN, /* the agent refused the stream before it saw it: likewise, and the request was
                      never sent, whatever its method is */
} ExchangeResult;

/* Takes up in every case; *take_up must outlive the exchange. may_repeat: answer EXCHANGE_STALE
 * where that is safe. EXCHANGE_UNSEEN is answered where all of the request is still here. */
ExchangeResult exchange_run (Exchange *ex, Request *req, Upstream *take_up, bool may_repeat);
/* After EXCHANGE_PARK. */
ExchangeResult exchange_resume (Exchange *ex, P2pWake wake);

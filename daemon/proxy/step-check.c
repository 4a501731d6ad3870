/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* Step: what the grammar of HTTP allows and a reverse proxy does not serve. */
#include "daemon/proxy/proxy-priv.h"

Step
step_check (Request *req)
{
  const P2pRequestHead *head = req->head;

  if (head->method_id == P2P_METHOD_CONNECT)
    return answer_error (req, 405, "this is not a forward proxy");
  if (head->method_id == P2P_METHOD_TRACE)
    return answer_error (req, 405, "TRACE is not served");
  if (head->path.n == 0 || head->path.p[0] != '/')
    return answer_error (req, 400, "the request target is not a path");
  /* Here, before a byte goes anywhere; of a chunked body the pipe counts what comes. */
  if (head->msg.body == P2P_BODY_LENGTH && head->msg.content_length > proxy.options.max_body_bytes)
    return answer_error (req, 413, "the request's body is too large");
  return STEP_MORE;
}

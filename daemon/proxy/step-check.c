/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* Step: what the grammar of HTTP allows and a reverse proxy does not serve. */
#include "daemon/proxy/proxy-priv.h"

/* Counts Max-Forwards down where it stands (RFC 9110 section 7.6.2: of TRACE, which is not served,
 * and OPTIONS). False: it was 0, the request goes no further. What is no number stays as it is. */
static bool
count_forward (const P2pRequestHead *head)
{
  const P2pField *field = p2p_message_field_by_name (&head->msg, P2P_SPAN ("Max-Forwards"));
  uint64_t left;
  char *digit;

  if (!field || !p2p_span_to_u64 (field->value, &left))
    return true;
  if (left == 0)
    return false;
  digit = (char *) field->value.p + field->value.n - 1; /* spans of a head point into ws->in */
  for (; *digit == '0'; digit--)
    *digit = '9';
  --*digit;
  return true;
}

/* What is asked of the server as a whole (RFC 9110 section 9.3.7), or of whoever comes to be the
 * last, is answered here. */
static Step
check_options (Request *req)
{
  if (req->head->path.p[0] == '/' && count_forward (req->head))
    return STEP_MORE;
  return answer_whole (req, 204, P2P_SPAN (ALLOW_FIELD), P2P_SPAN_NONE);
}

Step
step_check (Request *req)
{
  const P2pRequestHead *head = req->head;

  if (head->method_id == P2P_METHOD_CONNECT)
    return answer_error (req, 405, "this is not a forward proxy");
  if (head->method_id == P2P_METHOD_TRACE)
    return answer_error (req, 405, "TRACE is not served");
  /* Here, before a byte goes anywhere; of a chunked body the pipe counts what comes. */
  if (head->msg.body == P2P_BODY_LENGTH && head->msg.content_length > proxy.options.max_body_bytes)
    return answer_error (req, 413, "the request's body is too large");
  if (head->method_id == P2P_METHOD_OPTIONS) /* the only one whose path may be "*" */
    return check_options (req);
  return STEP_MORE;
}

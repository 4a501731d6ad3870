/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* One request of the management port, from bytes to bytes, without any socket: head and body are
 * collected in bounded buffers, the call is made, the answer is printed. Belongs to the connection,
 * so to one thread at a time. */
#include "daemon/api/server-priv.h"

#include "lib/date.h"
#include "lib/fd.h"
#include "lib/log.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#define CHUNK 16384        /* of a body or a file, read at once */
#define FILE_RATE_MIN 4096 /* bytes per second: who takes a file more slowly is cut */

struct ApiExchange
{
  char in[API_HEAD_MAX];
  size_t n_in;
  size_t scanned;
  size_t head_size; /* 0: not complete */
  P2pRequestHead head;
  bool wants_continue;

  P2pBody reader;
  char chunk[CHUNK];
  GByteArray *body; /* (owned) (nullable) */
  size_t reserved;  /* of the budget, for the body */
  GByteArray *rest; /* (owned) (nullable) bytes behind a body that did not end in in[] */
  size_t rest_start; /* otherwise they begin here in in[] */

  GString *out; /* (owned) (nullable) */
  size_t n_written;
  int file_fd; /* (owned) -1: none. What comes behind out, in pieces that stand in chunk[] */
  uint64_t file_left;
  size_t n_piece, n_piece_written;
  bool close;
};

ApiExchange *
api_exchange_new (P2pSpan rest)
{
  ApiExchange *exchange;

  if (!api_server_reserve (sizeof *exchange))
    return NULL;
  /* Zeroed: members are few, and the big arrays come as fresh pages or are written over. */
  exchange = g_new0 (ApiExchange, 1);
  exchange->file_fd = -1;
  exchange->n_in = MIN (rest.n, sizeof exchange->in);
  if (rest.n > 0)
    memcpy (exchange->in, rest.p, exchange->n_in);
  return exchange;
}

void
api_exchange_free (ApiExchange *exchange)
{
  if (!exchange)
    return;
  /* Passwords and tokens went through here. */
  explicit_bzero (exchange->in, exchange->n_in);
  if (exchange->body)
    {
      explicit_bzero (exchange->chunk, sizeof exchange->chunk);
      if (exchange->body->len > 0)
        explicit_bzero (exchange->body->data, exchange->body->len);
      g_byte_array_unref (exchange->body);
    }
  if (exchange->rest)
    g_byte_array_unref (exchange->rest);
  if (exchange->out)
    {
      explicit_bzero (exchange->out->str, exchange->out->len);
      g_string_free (exchange->out, true);
    }
  p2p_fd_close (&exchange->file_fd);
  api_server_release (sizeof *exchange + exchange->reserved);
  g_free (exchange);
}

bool
api_exchange_has_begun (const ApiExchange *exchange)
{
  return exchange->n_in > 0;
}

bool
api_exchange_has_head (const ApiExchange *exchange)
{
  return exchange->head_size > 0;
}

const P2pRequestHead *
api_exchange_head (const ApiExchange *exchange)
{
  return &exchange->head;
}

bool
api_exchange_take_continue (ApiExchange *exchange)
{
  bool wants = exchange->wants_continue;

  exchange->wants_continue = false;
  return wants;
}

P2pSpan
api_exchange_rest (const ApiExchange *exchange)
{
  if (exchange->rest)
    return (P2pSpan){ (const char *) exchange->rest->data, exchange->rest->len };
  return (P2pSpan){ exchange->in + exchange->rest_start, exchange->n_in - exchange->rest_start };
}

/* --- The answer ------------------------------------------------------------------------------- */

static void
print_answer (ApiExchange *self, ApiAnswer *answer, bool head_only)
{
  uint64_t length = answer->file_fd >= 0 ? answer->n_file : answer->n_body;
  P2pSpan reason = p2p_http1_reason (answer->status);
  P2pSpan date = p2p_date_now ();

  self->out = g_string_sized_new (512 + answer->n_body);
  g_string_append_printf (self->out, "HTTP/1.1 %u %.*s\r\nDate: %.*s\r\n%s", answer->status,
                          P2P_SPAN_ARG (reason), P2P_SPAN_ARG (date), answer->fields->str);
  if (answer->status != 204)
    g_string_append_printf (self->out, "Content-Length: %" G_GUINT64_FORMAT "\r\n",
                            (guint64) length);
  g_string_append (self->out, self->close ? "Connection: close\r\n\r\n" : "\r\n");
  if (head_only)
    return;
  g_string_append_len (self->out, answer->body, (gssize) answer->n_body);
  if (answer->file_fd >= 0)
    {
      self->file_fd = g_steal_fd (&answer->file_fd);
      self->file_left = answer->n_file;
    }
}

void
api_exchange_refuse (ApiExchange *exchange, ApiProblem problem, const char *text)
{
  ApiAnswer answer;

  exchange->close = true;
  api_answer_problem (&answer, problem, text);
  print_answer (exchange, &answer, false);
  api_answer_clear (&answer);
}

static P2pSpan
field (const P2pRequestHead *head, P2pFieldId id)
{
  const P2pField *found = p2p_message_field (&head->msg, id);

  return found ? found->value : P2P_SPAN_NONE;
}

static P2pSpan
named_field (const P2pRequestHead *head, P2pSpan name)
{
  const P2pField *found = p2p_message_field_by_name (&head->msg, name);

  return found ? found->value : P2P_SPAN_NONE;
}

/* Of the absolute form (RFC 9112 section 3.2.2), else of Host. */
static P2pSpan
host_of (const P2pRequestHead *head)
{
  return head->authority.n > 0 ? head->authority : field (head, P2P_FIELD_HOST);
}

void
api_exchange_call (ApiExchange *exchange, const char *address, bool certified)
{
  const P2pRequestHead *head = &exchange->head;
  ApiInput in = {
    .method = head->method,
    .path = head->path,
    .query = head->query,
    .host = host_of (head),
    .authorization = field (head, P2P_FIELD_AUTHORIZATION),
    .cookie = field (head, P2P_FIELD_COOKIE),
    .content_type = field (head, P2P_FIELD_CONTENT_TYPE),
    .if_match = field (head, P2P_FIELD_IF_MATCH),
    .origin = field (head, P2P_FIELD_ORIGIN),
    .sec_fetch_site = field (head, P2P_FIELD_SEC_FETCH_SITE),
    .user_agent = named_field (head, P2P_SPAN ("user-agent")),
    .agent_id = named_field (head, P2P_SPAN ("x-p2pstream-agent-id")),
    .address = address,
    .certified = certified,
  };
  ApiAnswer answer;

  if (exchange->body)
    in.body = (P2pSpan){ (const char *) exchange->body->data, exchange->body->len };
  exchange->close = !head->msg.keep_alive;
  api_handle (&in, &answer);
  p2p_log (P2P_LOG_DEBUG, "api", "%.*s %.*s: %u, to %s", P2P_SPAN_ARG (head->method),
           P2P_SPAN_ARG (head->path), answer.status, address);
  print_answer (exchange, &answer, head->method_id == P2P_METHOD_HEAD);
  api_answer_clear (&answer);
}

P2pSpan
api_exchange_answer (const ApiExchange *exchange)
{
  if (exchange->n_written < exchange->out->len)
    return (P2pSpan){ exchange->out->str + exchange->n_written,
                      exchange->out->len - exchange->n_written };
  return (P2pSpan){ exchange->chunk + exchange->n_piece_written,
                    exchange->n_piece - exchange->n_piece_written };
}

void
api_exchange_wrote (ApiExchange *exchange, size_t n)
{
  g_assert (n <= api_exchange_answer (exchange).n);
  if (exchange->n_written < exchange->out->len)
    exchange->n_written += n;
  else
    exchange->n_piece_written += n;
}

int64_t
api_exchange_file_ms (const ApiExchange *exchange)
{
  return exchange->file_fd < 0 ? 0 : (int64_t) (exchange->file_left / FILE_RATE_MIN) * 1000;
}

bool
api_exchange_has_file (const ApiExchange *exchange)
{
  return exchange->file_fd >= 0;
}

bool
api_exchange_read_file (ApiExchange *exchange)
{
  size_t wanted = (size_t) MIN (exchange->file_left, sizeof exchange->chunk);
  ssize_t n;

  g_assert (exchange->file_fd >= 0 && api_exchange_answer (exchange).n == 0);
  do
    n = wanted > 0 ? read (exchange->file_fd, exchange->chunk, wanted) : 0;
  while (n < 0 && errno == EINTR);
  if (n < 0 || (n == 0 && wanted > 0))
    return false;
  exchange->n_piece = (size_t) n;
  exchange->n_piece_written = 0;
  exchange->file_left -= (size_t) n;
  if (exchange->file_left == 0)
    p2p_fd_close (&exchange->file_fd);
  return true;
}

bool
api_exchange_keeps_alive (const ApiExchange *exchange)
{
  return !exchange->close;
}

/* --- The request ------------------------------------------------------------------------------ */

static ApiExchangeState
refuse (ApiExchange *self, ApiProblem problem, const char *text)
{
  api_exchange_refuse (self, problem, text);
  return API_EXCHANGE_ANSWER;
}

static ApiExchangeState
refuse_head (ApiExchange *self, P2pHttp1 why)
{
  g_autofree char *reason = NULL;

  switch (why)
    {
    case P2P_HTTP1_TOO_LARGE:
      return refuse (self, API_PROBLEM_HEAD_TOO_LARGE, "the request's head is too large");
    case P2P_HTTP1_VERSION:
      return refuse (self, API_PROBLEM_HTTP_VERSION, "this is not HTTP/1.0 or HTTP/1.1");
    default:
      reason = self->head.msg.reason_bad.n > 0 ? p2p_span_dup (self->head.msg.reason_bad) : NULL;
      return refuse (self, API_PROBLEM_MALFORMED, reason ? reason : "the request is malformed");
    }
}

static bool
grow_body (ApiExchange *self, P2pSpan content, ApiExchangeState *ret_state)
{
  if (self->body->len + content.n > API_BODY_MAX)
    *ret_state = refuse (self, API_PROBLEM_TOO_LARGE, "a body may have at most 1 MiB");
  else if (!api_server_reserve (content.n))
    *ret_state = refuse (self, API_PROBLEM_UNAVAILABLE, "too many bodies are on their way");
  else
    {
      self->reserved += content.n;
      g_byte_array_append (self->body, (const guint8 *) content.p, (unsigned) content.n);
      return true;
    }
  return false;
}

/* in: bytes of the body, and perhaps what comes behind; *ret_used: how many were the body's. */
static ApiExchangeState
feed_body (ApiExchange *self, P2pSpan in, size_t *ret_used)
{
  size_t total = 0;

  for (;;)
    {
      P2pSpan content;
      size_t used;
      P2pHttp1 http;
      ApiExchangeState state;

      http = p2p_body_feed (&self->reader, (P2pSpan){ in.p + total, in.n - total }, &content, &used,
                            NULL);
      if (http != P2P_HTTP1_OK && http != P2P_HTTP1_MORE)
        return refuse (self, API_PROBLEM_MALFORMED, "the body's framing is malformed");
      total += used;
      if (content.n > 0 && !grow_body (self, content, &state))
        return state;
      if (self->reader.finished || http == P2P_HTTP1_MORE)
        break;
    }
  *ret_used = total;
  return self->reader.finished ? API_EXCHANGE_CALL : API_EXCHANGE_MORE;
}

static ApiExchangeState
begin_body (ApiExchange *self)
{
  const P2pMessage *msg = &self->head.msg;
  P2pSpan in = { self->in + self->head_size, self->n_in - self->head_size };
  ApiExchangeState state;
  size_t used = 0;

  self->rest_start = self->head_size;
  if (msg->body == P2P_BODY_NONE)
    return API_EXCHANGE_CALL;
  if (msg->body == P2P_BODY_LENGTH && msg->content_length > API_BODY_MAX)
    return refuse (self, API_PROBLEM_TOO_LARGE, "a body may have at most 1 MiB");
  p2p_body_init (&self->reader, msg->body, msg->content_length);
  self->body = g_byte_array_new ();
  self->wants_continue = self->head.expect_continue && in.n == 0;
  if (in.n == 0 && !(msg->body == P2P_BODY_LENGTH && msg->content_length == 0))
    return API_EXCHANGE_MORE;
  state = feed_body (self, in, &used);
  self->rest_start += used;
  return state;
}

static ApiExchangeState
fed_head (ApiExchange *self)
{
  size_t size;
  P2pHttp1 http = p2p_http1_find_end (self->in, self->n_in, &self->scanned, &size);

  if (http == P2P_HTTP1_MORE && self->n_in == sizeof self->in)
    http = P2P_HTTP1_TOO_LARGE;
  if (http == P2P_HTTP1_MORE)
    return API_EXCHANGE_MORE;
  if (http == P2P_HTTP1_OK)
    http = p2p_http1_parse_request (self->in, size, &self->head);
  if (http != P2P_HTTP1_OK)
    return refuse_head (self, http);
  self->head_size = size;
  if (self->head.method_id == P2P_METHOD_GET
      && p2p_span_equal (self->head.path, P2P_SPAN ("/agent/tunnel")))
    {
      self->rest_start = size;
      return API_EXCHANGE_TUNNEL;
    }
  return begin_body (self);
}

P2pSpan
api_exchange_space (ApiExchange *exchange)
{
  if (exchange->head_size > 0)
    return (P2pSpan){ exchange->chunk, sizeof exchange->chunk };
  return (P2pSpan){ exchange->in + exchange->n_in, sizeof exchange->in - exchange->n_in };
}

static ApiExchangeState
fed_body (ApiExchange *self, size_t n)
{
  size_t used = 0;
  ApiExchangeState state = feed_body (self, (P2pSpan){ self->chunk, n }, &used);

  self->rest_start = self->n_in; /* all of it was the body's */
  if (state == API_EXCHANGE_CALL && used < n)
    {
      self->rest = g_byte_array_new ();
      g_byte_array_append (self->rest, (const guint8 *) self->chunk + used, (unsigned) (n - used));
    }
  return state;
}

ApiExchangeState
api_exchange_fed (ApiExchange *exchange, size_t n)
{
  if (exchange->head_size > 0)
    return fed_body (exchange, n);
  exchange->n_in += n;
  return exchange->n_in > 0 ? fed_head (exchange) : API_EXCHANGE_MORE;
}

/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* api_handle (): the steps every call takes, in one table; each may end the walk with an error.
 * Conventions of the API that concern HTTP live here and nowhere else. Any thread; a call belongs
 * to its thread. */
#include "daemon/agents/agents.h"
#include "daemon/api/call.h"
#include "daemon/api/json.h"
#include "daemon/api/router.h"
#include "lib/fd.h"
#include "lib/log.h"

#include <gnutls/crypto.h>
#include <string.h>

#define RETRY_AFTER_DEFAULT 1

typedef struct
{
  ApiCall call;
  char *allow;      /* (owned) (nullable) */
  JsonNode *result; /* (owned) (nullable) */
} Handling;

static bool
fail (GError **error, ApiProblem problem, const char *text)
{
  g_set_error_literal (error, API_ERROR, (int) problem, text);
  return false;
}

static bool
step_route (Handling *self, GError **error)
{
  const ApiInput *in = self->call.in;

  return api_router_find (&self->call, in->method, in->path, &self->allow, error);
}

static P2pSpan
bearer_of (P2pSpan authorization)
{
  P2pSpan rest = authorization;
  P2pSpan scheme = p2p_span_split (&rest, ' ');

  return p2p_span_equal_nocase (scheme, P2P_SPAN ("bearer")) ? p2p_span_trim (rest) : P2P_SPAN_NONE;
}

/* The value of our cookie, whose name holds the port: daemons on one host do not overwrite each
 * other's. */
static P2pSpan
session_cookie_of (P2pSpan cookies)
{
  g_autofree char *name = g_strdup_printf ("p2pstream_session_%u", api_core ()->port);

  while (cookies.n > 0)
    {
      P2pSpan value = p2p_span_trim (p2p_span_split (&cookies, ';'));
      P2pSpan key = p2p_span_split (&value, '=');

      if (p2p_span_equal (key, p2p_span_from_string (name)))
        return value;
    }
  return P2P_SPAN_NONE;
}

static bool
identify_agent (ApiCall *call, P2pSpan bearer, GError **error)
{
  int64_t id = bearer.n > 0 ? agents_authenticate (call->in->agent_id, bearer) : 0;

  if (id == 0)
    return fail (error, API_PROBLEM_NOT_SIGNED_IN, "unknown agent or wrong token");
  if (agents_want_certificate () && !call->in->certified)
    return fail (error, API_PROBLEM_FORBIDDEN, "a client certificate of the agents' CA is needed");
  call->principal.kind = AUTH_AGENT;
  call->principal.agent_id = id;
  return true;
}

static bool
step_identify (Handling *self, GError **error)
{
  ApiCall *call = &self->call;
  P2pSpan bearer = bearer_of (call->in->authorization);

  if (call->route->action == API_PUBLIC)
    return true;
  if (call->route->action == API_AGENT)
    return identify_agent (call, bearer, error);
  /* Credentials of a kind we do not know are wrong ones: a cookie must not stand in for them. */
  if (call->in->authorization.n > 0 && bearer.n == 0)
    return fail (error, API_PROBLEM_NOT_SIGNED_IN, "Authorization must be Bearer and a token");
  return auth_identify (api_core ()->options.store, bearer, session_cookie_of (call->in->cookie),
                        &call->principal, error);
}

static bool
step_authorize (Handling *self, GError **error)
{
  ApiObject object = { .resource = self->call.route->pattern, .id = self->call.id };

  return api_authorize (&self->call.principal, self->call.route->action, &object, error);
}

static bool
same_origin (const ApiInput *in)
{
  g_autofree char *own
      = g_strdup_printf ("%s://%.*s", api_core ()->scheme, P2P_SPAN_ARG (in->host));

  if (in->sec_fetch_site.n > 0)
    return p2p_span_equal (in->sec_fetch_site, P2P_SPAN ("same-origin"));
  return in->origin.n > 0 && in->host.n > 0
         && p2p_span_equal_nocase (in->origin, p2p_span_from_string (own));
}

/* A browser sends the cookie along whoever made the page: what changes something must come from our
 * own. A page of another origin could also sign its reader in as somebody else, so calls without
 * credentials are held to it when a browser speaks. */
static bool
step_origin (Handling *self, GError **error)
{
  const ApiInput *in = self->call.in;
  bool browser = in->origin.n > 0 || in->sec_fetch_site.n > 0;

  if (g_str_equal (self->call.route->method, "GET"))
    return true;
  if (!self->call.principal.by_cookie
      && !(browser && self->call.route->action == API_PUBLIC))
    return true;
  if (same_origin (in))
    return true;
  return fail (error, API_PROBLEM_CROSS_ORIGIN,
               "changes by cookie need a same-origin Origin or Sec-Fetch-Site");
}

static bool
step_query (Handling *self, GError **error)
{
  return api_router_query (&self->call, self->call.in->query, error);
}

static bool
is_json_type (P2pSpan content_type)
{
  P2pSpan type = p2p_span_trim (p2p_span_split (&content_type, ';'));

  return p2p_span_equal_nocase (type, P2P_SPAN ("application/json"))
         || p2p_span_equal_nocase (type, P2P_SPAN ("application/merge-patch+json"));
}

static bool
step_body (Handling *self, GError **error)
{
  ApiCall *call = &self->call;

  if (call->in->body.n == 0 && !(call->route->flags & API_BODY))
    return true;
  if (call->in->body.n > 0 && !is_json_type (call->in->content_type))
    return fail (error, API_PROBLEM_MEDIA_TYPE,
                 "Content-Type must be application/json or application/merge-patch+json");
  call->body = api_json_parse (call->in->body, error);
  if (!call->body)
    return false;
  if (!JSON_NODE_HOLDS_OBJECT (call->body))
    return fail (error, API_PROBLEM_MALFORMED, "the body must be a JSON object");
  if (!(call->route->flags & API_BODY)
      && json_object_get_size (json_node_get_object (call->body)) > 0)
    return fail (error, API_PROBLEM_MALFORMED, "this call takes no body");
  return true;
}

static bool
step_run (Handling *self, GError **error)
{
  g_autoptr (GError) why = NULL;

  self->result = self->call.route->handler (&self->call, &why);
  if (!why)
    return true;
  g_propagate_error (error, g_steal_pointer (&why));
  return false;
}

static bool (*const steps[]) (Handling *, GError **) = {
  step_route, step_identify, step_authorize, step_origin, step_query, step_body, step_run,
};

static void
add_field (ApiAnswer *answer, const char *name, const char *value)
{
  g_string_append_printf (answer->fields, "%s: %s\r\n", name, value);
}

static void
answer_start (ApiAnswer *answer, const ApiCall *call)
{
  *answer = (ApiAnswer){ .fields = g_string_new (NULL), .file_fd = -1 };
  add_field (answer, "X-Request-Id", call->request_id);
  add_field (answer, "Cache-Control", "no-store");
  add_field (answer, "X-Content-Type-Options", "nosniff");
  if (call->cookie)
    add_field (answer, "Set-Cookie", call->cookie);
}

static void
answer_result (ApiAnswer *answer, Handling *self)
{
  ApiCall *call = &self->call;

  answer->status = call->status                                       ? call->status
                   : self->result || call->text || call->file_fd >= 0 ? 200
                                                                      : 204;
  if (call->location)
    add_field (answer, "Location", call->location);
  if (call->version > 0)
    g_string_append_printf (answer->fields, "ETag: \"%" G_GINT64_FORMAT "\"\r\n", call->version);
  if (call->retry_after > 0)
    g_string_append_printf (answer->fields, "Retry-After: %u\r\n", call->retry_after);
  if (self->result)
    {
      add_field (answer, "Content-Type", "application/json");
      answer->body = json_to_string (self->result, false);
    }
  else if (call->text)
    {
      add_field (answer, "Content-Type", call->text_type);
      answer->body = g_strdup (call->text);
    }
  else if (call->file_fd >= 0)
    {
      add_field (answer, "Content-Type", "application/octet-stream");
      answer->file_fd = g_steal_fd (&call->file_fd);
      answer->n_file = call->n_file;
    }
  answer->n_body = answer->body ? strlen (answer->body) : 0;
}

static void
answer_problem (ApiAnswer *answer, Handling *self, const GError *why)
{
  ApiCall *call = &self->call;
  ApiProblem problem = api_problem_from_error (why);
  g_autoptr (GError) hidden = NULL;

  answer->status = api_problem_status (problem);
  api_field_errors_add_cause (call->errors, why);
  if (problem == API_PROBLEM_INTERNAL)
    {
      p2p_log (P2P_LOG_ERROR, "api", "request %s: %s", call->request_id, why->message);
      hidden = g_error_new_literal (API_ERROR, API_PROBLEM_INTERNAL,
                                    "the daemon's log has the cause under this request id");
      why = hidden;
    }
  else if (problem == API_PROBLEM_STORAGE_FULL
           || g_error_matches (why, STORE_ERROR, STORE_ERROR_READONLY))
    p2p_log (P2P_LOG_ERROR, "api", "a change is refused: %s",
             why->message); /* for who mends disks */
  add_field (answer, "Content-Type", "application/problem+json");
  if (answer->status == 401)
    add_field (answer, "WWW-Authenticate", "Bearer");
  if (self->allow)
    add_field (answer, "Allow", self->allow);
  if (answer->status == 429 || answer->status == 503)
    g_string_append_printf (answer->fields, "Retry-After: %u\r\n",
                            call->retry_after ? call->retry_after : RETRY_AFTER_DEFAULT);
  answer->body = api_problem_to_text (why, call->request_id, call->errors);
  answer->n_body = strlen (answer->body);
}

static void
request_id_new (char ret_id[33])
{
  unsigned char bytes[16];
  int rc = gnutls_rnd (GNUTLS_RND_NONCE, bytes, sizeof bytes);

  g_assert (rc == 0);
  for (unsigned i = 0; i < sizeof bytes; i++)
    g_snprintf (ret_id + 2 * i, 3, "%02x", bytes[i]);
}

void
api_handle (const ApiInput *in, ApiAnswer *answer)
{
  Handling self = { .call = { .in = in, .file_fd = -1 } };
  ApiCall *call = &self.call;
  g_autoptr (GError) why = NULL;

  request_id_new (call->request_id);
  call->query = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, g_free);
  call->errors = api_field_errors_new ();
  for (unsigned i = 0; i < G_N_ELEMENTS (steps); i++)
    if (!steps[i](&self, &why))
      break;

  answer_start (answer, call);
  if (why)
    answer_problem (answer, &self, why);
  else
    answer_result (answer, &self);

  g_clear_pointer (&self.result, json_node_unref);
  g_free (self.allow);
  g_hash_table_unref (call->query);
  api_field_errors_free (call->errors);
  g_clear_pointer (&call->body, json_node_unref);
  api_principal_clear (&call->principal);
  g_free (call->location);
  auth_secret_free (call->cookie);
  auth_secret_free (call->secret);
  p2p_fd_close (&call->file_fd);
}

void
api_answer_problem (ApiAnswer *answer, ApiProblem problem, const char *text)
{
  Handling self = { 0 };
  g_autoptr (GError) why = g_error_new_literal (API_ERROR, (int) problem, text);

  request_id_new (self.call.request_id);
  self.call.errors = api_field_errors_new ();
  answer_start (answer, &self.call);
  answer_problem (answer, &self, why);
  api_field_errors_free (self.call.errors);
}

void
api_answer_clear (ApiAnswer *answer)
{
  if (answer->fields)
    g_string_free (answer->fields, true);
  if (answer->body)
    explicit_bzero (answer->body, answer->n_body); /* may show a token */
  g_free (answer->body);
  p2p_fd_close (&answer->file_fd);
  *answer = (ApiAnswer){ .file_fd = -1 };
}

/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* POST /explain: what would happen to a request. The head is written here as a client would write
 * it; parser and steps are the proxy's own. Nothing is sent and nothing is changed. No state. */
#include "daemon/agents/agents.h"
#include "daemon/api/handlers.h"
#include "daemon/proxy/explain.h"
#include "daemon/proxy/proxy.h"

#include <arpa/inet.h>
#include <string.h>

typedef struct
{
  int64_t listener_id;
  char *method, *url, *client_address; /* (owned) */
  GPtrArray *headers;                  /* (owned) of StorePair */
} Question;

static void *
question_new (void)
{
  Question *row = g_new0 (Question, 1);

  row->method = g_strdup ("GET");
  row->url = g_strdup ("");
  row->client_address = g_strdup ("127.0.0.1");
  row->headers = store_pairs_new ();
  return row;
}

static void
question_free (void *data)
{
  Question *row = data;

  g_free (row->method);
  g_free (row->url);
  g_free (row->client_address);
  g_ptr_array_unref (row->headers);
  g_free (row);
}
G_DEFINE_AUTOPTR_CLEANUP_FUNC (Question, question_free)

static const char *
check_address (const char *text)
{
  uint8_t address[16];

  return inet_pton (AF_INET, text, address) == 1 || inet_pton (AF_INET6, text, address) == 1
             ? NULL
             : "must be an IPv4 or IPv6 address";
}

static const ApiField fields[] = {
  API_FIELD ("listener_id",
             API_INT,
             API_REQUIRED,
             offsetof (Question, listener_id),
             .min = 1,
             .max = INT64_MAX),
  API_FIELD ("method", API_TEXT, 0, offsetof (Question, method), .min = 1, .max = 64),
  API_FIELD ("url", API_TEXT, API_REQUIRED, offsetof (Question, url), .min = 1, .max = 32768),
  API_FIELD ("headers", API_PAIRS, 0, offsetof (Question, headers), .max = 200),
  API_FIELD ("client_address",
             API_TEXT,
             0,
             offsetof (Question, client_address),
             .min = 2,
             .max = 64,
             .check = check_address),
};

static const ApiSchema schema = { fields, G_N_ELEMENTS (fields), question_new, question_free };

/* A URL becomes a path and a Host, as a client would send it; with a Host among the headers it goes
 * as it is. */
static char *
make_head (const Question *question)
{
  const char *authority = strstr (question->url, "://");
  const char *target = question->url;
  GString *head = g_string_new (NULL);
  bool has_host = false;

  for (unsigned i = 0; i < question->headers->len; i++)
    {
      const StorePair *pair = g_ptr_array_index (question->headers, i);

      has_host = has_host || g_ascii_strcasecmp (pair->name, "Host") == 0;
    }
  if (*target != '/' && authority && !has_host)
    target = authority + 3 + strcspn (authority + 3, "/?#");
  g_string_append_printf (head, "%s %s%.*s HTTP/1.1\r\n", question->method,
                          target != question->url && *target != '/' ? "/" : "",
                          (int) strcspn (target, "#"), target); /* no client sends a fragment */
  if (target != question->url)
    g_string_append_printf (head, "Host: %.*s\r\n", (int) (target - authority - 3), authority + 3);
  for (unsigned i = 0; i < question->headers->len; i++)
    {
      const StorePair *pair = g_ptr_array_index (question->headers, i);

      g_string_append_printf (head, "%s: %s\r\n", pair->name, pair->value);
    }
  g_string_append (head, "\r\n");
  return g_string_free (head, false);
}

static void
add_text (JsonObject *object, const char *name, const char *text)
{
  if (text && *text)
    json_object_set_string_member (object, name, text);
  else
    json_object_set_null_member (object, name);
}

/* The listener's own state stands first: what is stopped takes no request. */
static JsonObject *
listener_step (const ConfigListener *listener)
{
  static const char *const words[] = {
    [PROXY_LISTENER_STOPPED] = "is stopped: it takes no requests",
    [PROXY_LISTENER_RUNNING] = "is running",
    [PROXY_LISTENER_ERROR] = "cannot be bound: it takes no requests",
  };
  ProxyListenerStatus status = { .state = PROXY_LISTENER_STOPPED };
  JsonObject *object = json_object_new ();
  g_autofree char *detail = NULL;

  (void) proxy_listener_get_status (listener->id, &status); /* gone meanwhile: stopped */
  detail = g_strdup_printf ("listener '%s' %s", listener->name, words[status.state]);
  json_object_set_string_member (object, "step", "listener");
  json_object_set_string_member (object, "outcome",
                                 status.state == PROXY_LISTENER_RUNNING ? "passed" : "closed");
  json_object_set_string_member (object, "detail", detail);
  return object;
}

static JsonArray *
steps_to_json (const ProxyExplanation *explanation)
{
  static const char *const words[] = {
    [PROXY_STEP_PASSED] = "passed",
    [PROXY_STEP_ANSWERED] = "answered",
    [PROXY_STEP_FORWARDS] = "forwards",
  };
  JsonArray *array = json_array_new ();

  json_array_add_object_element (array, listener_step (explanation->listener));
  for (unsigned i = 0; i < explanation->n_steps; i++)
    {
      const ProxyExplainedStep *step = &explanation->steps[i];
      JsonObject *object = json_object_new ();

      json_object_set_string_member (object, "step", step->name);
      json_object_set_string_member (object, "outcome", words[step->outcome]);
      add_text (object, "detail", step->detail);
      json_array_add_object_element (array, object);
    }
  return array;
}

static JsonObject *
route_to_json (const ConfigRoute *route)
{
  JsonObject *object = json_object_new ();

  json_object_set_int_member (object, "id", route->id);
  json_object_set_string_member (object, "name", route->name);
  return object;
}

/* The agents that the target's labels name, connected or not. */
static JsonArray *
agents_to_json (const Config *cfg, const ConfigTarget *target)
{
  static const char *const words[] = {
    [AGENT_OFFLINE] = "offline",
    [AGENT_DEGRADED] = "degraded",
    [AGENT_CONNECTED] = "connected",
  };
  JsonArray *array = json_array_new ();

  for (unsigned i = 0; i < cfg->n_agents; i++)
    {
      const ConfigAgent *agent = cfg->agents[i];
      AgentStatus status = { .state = AGENT_OFFLINE };
      JsonObject *object;

      if (!agent->enabled || !config_selector_matches (target, agent))
        continue;
      agents_get_status (agent->id, &status);
      object = json_object_new ();
      json_object_set_int_member (object, "id", agent->id);
      json_object_set_string_member (object, "name", agent->name);
      json_object_set_string_member (object, "state", words[status.state]);
      json_array_add_object_element (array, object);
    }
  return array;
}

static JsonObject *
target_to_json (const Config *cfg, const ConfigTarget *target)
{
  JsonObject *object = json_object_new ();
  bool proxied = target->type == CONFIG_TARGET_PROXY;
  bool by_agent = proxied && target->transport == CONFIG_TRANSPORT_AGENT;
  g_autofree char *origin = NULL;

  if (proxied && g_str_has_prefix (target->host, "unix:"))
    origin = g_strdup (target->host);
  else if (proxied)
    origin = g_strdup_printf (strchr (target->host, ':') ? "%s://[%s]:%u%s" : "%s://%s:%u%s",
                              target->https ? "https" : "http", target->host, target->port,
                              target->base_path);
  json_object_set_int_member (object, "id", target->id);
  json_object_set_string_member (object, "name", target->name);
  json_object_set_string_member (object, "type", proxied ? "proxy" : "static");
  add_text (object, "transport", by_agent ? "agent" : proxied ? "direct" : NULL);
  add_text (object, "origin", origin);
  json_object_set_array_member (object, "agents",
                                by_agent ? agents_to_json (cfg, target) : json_array_new ());
  return object;
}

static JsonObject *
outcome_to_json (const ProxyExplanation *explanation)
{
  static const char *const words[] = {
    [PROXY_WOULD_REFUSE] = "error",
    [PROXY_WOULD_REDIRECT] = "redirect",
    [PROXY_WOULD_ANSWER] = "static",
    [PROXY_WOULD_FORWARD] = "forward",
  };
  JsonObject *object = json_object_new ();

  json_object_set_string_member (object, "kind", words[explanation->outcome]);
  if (explanation->status)
    json_object_set_int_member (object, "status", explanation->status);
  else
    json_object_set_null_member (object, "status");
  add_text (object, "detail", explanation->detail);
  add_text (object, "location", explanation->location);
  if (explanation->route)
    json_object_set_object_member (object, "route", route_to_json (explanation->route));
  else
    json_object_set_null_member (object, "route");
  if (explanation->target)
    json_object_set_object_member (object, "target",
                                   target_to_json (explanation->cfg, explanation->target));
  else
    json_object_set_null_member (object, "target");
  return object;
}

static JsonNode *
explanation_to_json (const ProxyExplanation *explanation)
{
  JsonObject *object = json_object_new ();

  json_object_set_string_member (object, "client_address", explanation->address);
  add_text (object, "host", explanation->host);
  add_text (object, "path", explanation->path);
  json_object_set_array_member (object, "steps", steps_to_json (explanation));
  json_object_set_object_member (object, "outcome", outcome_to_json (explanation));
  return api_node_from_object (object);
}

JsonNode *
api_explain_post (ApiCall *call, GError **error)
{
  g_autoptr (Question) question = question_new ();
  g_auto (ProxyExplanation) explanation = { 0 };
  g_autofree char *head = NULL;

  if (!api_fields_apply (&schema, question, call->body, API_CREATE, call->errors, error))
    return NULL;
  head = make_head (question);
  if (proxy_explain (question->listener_id, p2p_span_from_string (head), question->client_address,
                     &explanation))
    return explanation_to_json (&explanation);
  api_field_errors_add (call->errors, "listener_id", "there is no such listener");
  api_field_errors_set_error (call->errors, API_PROBLEM_INVALID, error);
  return NULL;
}

/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* What this daemon is and how it feels, and the description of the API itself. No state. */
#include "daemon/api/handlers.h"

/* data/openapi.yaml as a C string, made by the build. */
static const char openapi_yaml[] =
#include "daemon/api/openapi.inc"
    ;

JsonNode *
api_about_get (ApiCall *call, GError **error)
{
  static const char *const features[]
      = { "listeners", "routes", "redirects", "certificates", "agents", "tokens", "sessions", "audit", "explain" };
  const ApiCore *core = api_core ();
  JsonObject *object = json_object_new ();
  JsonArray *array = json_array_new ();

  (void) call;
  (void) error;
  for (unsigned i = 0; i < G_N_ELEMENTS (features); i++)
    json_array_add_string_element (array, features[i]);
  json_object_set_string_member (object, "version", PACKAGE_VERSION);
  json_object_set_string_member (object, "api", "1.0");
  json_object_set_array_member (object, "features", array);
  json_object_set_string_member (object, "instance_id",
                                 store_get_instance_id (core->options.store));
  json_object_set_string_member (object, "node", g_get_host_name ());
  if (core->public_url && core->public_url[0])
    json_object_set_string_member (object, "public_url", core->public_url);
  else
    json_object_set_null_member (object, "public_url");
  json_object_set_member (object, "started_at", api_time_to_json (core->started_at_ms));
  json_object_set_string_member (object, "license", "GPL-3.0-or-later");
  return api_node_from_object (object);
}

static JsonNode *
status_node (const char *status)
{
  JsonObject *object = json_object_new ();

  json_object_set_string_member (object, "status", status);
  return api_node_from_object (object);
}

JsonNode *
api_health_get (ApiCall *call, GError **error)
{
  (void) call;
  (void) error;
  return status_node ("ok");
}

JsonNode *
api_ready_get (ApiCall *call, GError **error)
{
  g_autoptr (StoreTx) tx = NULL;

  (void) call;
  if (!api_is_ready ())
    {
      g_set_error_literal (error, API_ERROR, API_PROBLEM_UNAVAILABLE,
                           "the daemon is starting or ending");
      return NULL;
    }
  tx = store_begin_read (api_core ()->options.store, error);
  return tx ? status_node ("ready") : NULL;
}

JsonNode *
api_openapi_get (ApiCall *call, GError **error)
{
  (void) error;
  call->text = openapi_yaml;
  call->text_type = "application/yaml";
  return NULL;
}

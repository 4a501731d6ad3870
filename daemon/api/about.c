/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* What this daemon is and how it feels, and the description of the API itself. No state. */
#include "daemon/api/handlers.h"

#include "daemon/config/config.h"
#include "lib/clock.h"

#define FAULTS_MAX 100

/* data/openapi.yaml as a C string, made by the build. */
static const char openapi_yaml[] =
#include "daemon/api/openapi.inc"
    ;

JsonNode *
api_about_get (ApiCall *call, GError **error)
{
  static const char *const features[]
      = { "listeners", "routes",   "redirects", "certificates", "agents",
          "tokens",    "sessions", "audit",     "explain" };
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

/* Anybody may read this, so that it names nothing but ids: who may know more asks for the objects,
 * or reads the log. */
static JsonArray *
list_faults (void)
{
  static const char *const kinds[] = {
    [CONFIG_FAULT_CERTIFICATE_MISSING] = "certificate-missing",
    [CONFIG_FAULT_CERTIFICATE_ERROR] = "certificate-error",
    [CONFIG_FAULT_CERTIFICATE_EXPIRED] = "certificate-expired",
  };
  g_autoptr (Config) cfg = config_get_current ();
  g_autoptr (GArray) faults = config_list_faults (cfg, p2p_wall_ms ());
  JsonArray *array = json_array_new ();

  for (unsigned i = 0; i < MIN (faults->len, FAULTS_MAX); i++)
    {
      const ConfigFault *fault = &g_array_index (faults, ConfigFault, i);
      bool missing = fault->kind == CONFIG_FAULT_CERTIFICATE_MISSING;
      JsonObject *object = json_object_new ();

      json_object_set_string_member (object, "kind", kinds[fault->kind]);
      json_object_set_string_member (object, "resource", missing ? "listeners" : "certificates");
      json_object_set_int_member (object, "id", fault->id);
      json_object_set_int_member (object, "count", fault->count);
      json_array_add_object_element (array, object);
    }
  return array;
}

JsonNode *
api_ready_get (ApiCall *call, GError **error)
{
  g_autoptr (StoreTx) tx = NULL;
  JsonNode *node;

  (void) call;
  if (!api_is_ready ())
    {
      g_set_error_literal (error, API_ERROR, API_PROBLEM_UNAVAILABLE,
                           "the daemon is starting or ending");
      return NULL;
    }
  tx = store_begin_read (api_core ()->options.store, error);
  if (!tx)
    return NULL;
  node = status_node ("ready");
  json_object_set_array_member (json_node_get_object (node), "faults", list_faults ());
  return node;
}

JsonNode *
api_openapi_get (ApiCall *call, GError **error)
{
  (void) error;
  call->text = openapi_yaml;
  call->text_type = "application/yaml";
  return NULL;
}

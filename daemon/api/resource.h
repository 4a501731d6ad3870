/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* Resources: what every list of objects in the configuration does alike. A resource is one table;
 * list, get, create, patch and delete with roles, versions, dry runs, merge patches, audit rows and
 * cursors are here, once. Handlers of call.h; any thread that may block on the disk. */
#pragma once

#include "daemon/api/call.h"
#include "daemon/config/change.h"

typedef struct
{
  const char *name;        /* "listeners": in the path and in the audit */
  const ApiSchema *schema; /* rows begin with id and version */
  void *(*get) (StoreTx *tx, int64_t id, GError **error);
  GPtrArray *(*list) (StoreTx *tx, ApiCall *call, int64_t after_id, unsigned limit, GError **error);
  bool (*insert) (StoreTx *tx, void *row, GError **error);
  bool (*update) (StoreTx *tx, void *row, int64_t if_version, GError **error);
  bool (*remove) (StoreTx *tx, int64_t id, int64_t if_version, GError **error);

  /* (nullable) Before insert and update: what the field table cannot say. May set call->secret when
   * something is made. */
  bool (*check) (ApiCall *call, void *row, ApiApply how, GError **error);
  /* (nullable) The API_COMPUTED members, from what runs. Outside of transactions. */
  void (*decorate) (JsonObject *object, int64_t id);
  /* (nullable) The change is in force; row is NULL when the object is gone. */
  void (*changed) (int64_t id, const void *row);
} ApiResource;

static inline int64_t
api_row_version (const void *row)
{
  return ((const int64_t *) row)[1];
}

/* Calls through pointers want these exact types, so each table group gets its row functions from
 * here. */
#define API_RESOURCE_ROWS(noun, Type)                                                              \
  static void *noun##_row_new (void)                                                               \
  {                                                                                                \
    return store_##noun##_new ();                                                                  \
  }                                                                                                \
  static void noun##_row_free (void *row)                                                          \
  {                                                                                                \
    store_##noun##_free (row);                                                                     \
  }                                                                                                \
  static void *noun##_row_get (StoreTx *tx, int64_t id, GError **error)                            \
  {                                                                                                \
    return store_##noun##_get (tx, id, error);                                                     \
  }                                                                                                \
  static bool noun##_row_update (StoreTx *tx, void *row, int64_t if_version, GError **error)       \
  {                                                                                                \
    return store_##noun##_update (tx, (Type *) row, if_version, error);                            \
  }                                                                                                \
  static bool noun##_row_delete (StoreTx *tx, int64_t id, int64_t if_version, GError **error)      \
  {                                                                                                \
    return store_##noun##_delete (tx, id, if_version, error);                                      \
  }

/* The five handlers that routes.inc names. */
#define API_RESOURCE_HANDLERS(name, resource)                                                      \
  JsonNode *api_##name##_list (ApiCall *call, GError **error)                                      \
  {                                                                                                \
    return api_resource_list (&(resource), call, error);                                           \
  }                                                                                                \
  JsonNode *api_##name##_get (ApiCall *call, GError **error)                                       \
  {                                                                                                \
    return api_resource_get (&(resource), call, error);                                            \
  }                                                                                                \
  JsonNode *api_##name##_create (ApiCall *call, GError **error)                                    \
  {                                                                                                \
    return api_resource_create (&(resource), call, error);                                         \
  }                                                                                                \
  JsonNode *api_##name##_patch (ApiCall *call, GError **error)                                     \
  {                                                                                                \
    return api_resource_patch (&(resource), call, error);                                          \
  }                                                                                                \
  JsonNode *api_##name##_delete (ApiCall *call, GError **error)                                    \
  {                                                                                                \
    return api_resource_delete (&(resource), call, error);                                         \
  }

JsonNode *api_resource_list (const ApiResource *resource, ApiCall *call, GError **error);
JsonNode *api_resource_get (const ApiResource *resource, ApiCall *call, GError **error);
JsonNode *api_resource_create (const ApiResource *resource, ApiCall *call, GError **error);
JsonNode *api_resource_patch (const ApiResource *resource, ApiCall *call, GError **error);
JsonNode *api_resource_delete (const ApiResource *resource, ApiCall *call, GError **error);

/* Runs a change of the call: principal, address, request id and dry run come from there. */
bool api_change_run (ApiCall *call,
                     const char *resource,
                     const char *action,
                     ConfigApplyFunc apply,
                     void *data,
                     char ***ret_warnings,
                     GError **error);
/* Adds "warnings" when the call is a dry run. */
void api_add_warnings (ApiCall *call, JsonObject *object, char **warnings);

/* For lists that are no resources: at most limit rows from cursor on, and the cursor of the next
 * page (0: none). Takes rows. */
typedef JsonObject *(*ApiPrintFunc) (ApiCall *call, const void *row);
JsonNode *api_list_print (ApiCall *call,
                          GPtrArray *take_rows,
                          ApiPrintFunc print,
                          int64_t next_cursor);

/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* Certificates of the public side: uploaded, in files, or self-signed. Whether a chain and its key
 * are any good is judged by the validation of the configuration; a key is never shown again. No
 * state. */
#include "daemon/api/handlers.h"
#include "daemon/api/resource.h"

#include "lib/clock.h"

#include <string.h>

#define PEM_MAX 65536

#define CERTIFICATE(member) offsetof (StoreCertificate, member)

API_RESOURCE_ROWS (certificate, StoreCertificate)

/* Those of the store that can be asked for, in its order. */
static const char *const source_words[] = { "manual", "self_signed", "acme", NULL };

static const ApiField fields[] = {
  API_FIELD ("id", API_INT, API_READ_ONLY, CERTIFICATE (id), .max = INT64_MAX),
  API_FIELD ("version", API_INT, API_READ_ONLY, CERTIFICATE (version), .max = INT64_MAX),
  API_FIELD ("listener_id",
             API_INT,
             API_NULLABLE,
             CERTIFICATE (listener_id),
             .min = 1,
             .max = INT64_MAX),
  API_FIELD ("hostname_pattern",
             API_TEXT,
             API_REQUIRED,
             CERTIFICATE (hostname_pattern),
             .min = 1,
             .max = 255),
  API_FIELD ("source", API_ENUM, 0, CERTIFICATE (source), .words = source_words),
  API_FIELD ("enabled", API_BOOL, 0, CERTIFICATE (enabled)),
  API_FIELD ("certificate_pem", API_TEXT, API_LINES, CERTIFICATE (certificate_pem), .max = PEM_MAX),
  API_FIELD ("private_key_pem",
             API_TEXT,
             API_LINES | API_WRITE_ONLY,
             CERTIFICATE (private_key_pem),
             .max = PEM_MAX),
  API_FIELD ("certificate_path", API_TEXT, 0, CERTIFICATE (certificate_path), .max = 4095),
  API_FIELD ("private_key_path", API_TEXT, 0, CERTIFICATE (private_key_path), .max = 4095),
  API_FIELD ("status", API_COMPUTED, API_READ_ONLY, 0),
};

static const ApiSchema schema
    = { fields, G_N_ELEMENTS (fields), certificate_row_new, certificate_row_free };

/* A listener's fallback is nobody's object. */
static void *
get_row (StoreTx *tx, int64_t id, GError **error)
{
  StoreCertificate *row = certificate_row_get (tx, id, error);

  if (!row || row->source != STORE_CERTIFICATE_FALLBACK)
    return row;
  store_certificate_free (row);
  g_set_error (error, API_ERROR, API_PROBLEM_NOT_FOUND,
               "certificate %" G_GINT64_FORMAT ": no such certificate", id);
  return NULL;
}

static GPtrArray *
list_rows (StoreTx *tx, ApiCall *call, int64_t after_id, unsigned limit, GError **error)
{
  (void) call;
  return store_certificate_list (tx, after_id, limit, error);
}

static bool
refuse_upload (ApiFieldErrors *errors, GError **error)
{
  api_field_errors_add (errors, "certificate_pem",
                        "a self-signed certificate is made by the daemon");
  api_field_errors_set_error (errors, API_PROBLEM_INVALID, error);
  return false;
}

/* What can be said before the row is compared with the one that is stored. */
static bool
check_row (ApiCall *call, void *data, ApiApply how, GError **error)
{
  const StoreCertificate *row = data;
  JsonObject *body = json_node_get_object (call->body);

  if (row->source == STORE_CERTIFICATE_ACME)
    {
      api_field_errors_add (call->errors, "source", "acme is not supported by this version");
      api_field_errors_set_error (call->errors, API_PROBLEM_INVALID, error);
      return false;
    }
  if (row->source != STORE_CERTIFICATE_SELF_SIGNED)
    return true;
  if ((how == API_CREATE && *row->certificate_pem)
      || (json_object_has_member (body, "private_key_pem") && *row->private_key_pem))
    return refuse_upload (call->errors, error);
  return true;
}

static bool
insert_row (StoreTx *tx, void *data, GError **error)
{
  StoreCertificate *row = data;

  return (row->source != STORE_CERTIFICATE_SELF_SIGNED || config_make_self_signed (row, error))
         && store_certificate_insert (tx, row, error);
}

static bool
update_row (StoreTx *tx, void *data, int64_t if_version, GError **error)
{
  StoreCertificate *row = data;
  g_autoptr (StoreCertificate) old = store_certificate_get (tx, row->id, error);

  if (!old)
    return false;
  if (row->source == STORE_CERTIFICATE_SELF_SIGNED)
    {
      if (*row->certificate_pem && strcmp (row->certificate_pem, old->certificate_pem) != 0)
        {
          g_autoptr (ApiFieldErrors) errors = api_field_errors_new ();

          return refuse_upload (errors, error);
        }
      if ((old->source != row->source || !*row->certificate_pem || !*row->private_key_pem
           || g_ascii_strcasecmp (old->hostname_pattern, row->hostname_pattern) != 0)
          && !config_make_self_signed (row, error))
        return false;
    }
  else
    {
      row->not_after = 0;
    }
  return certificate_row_update (tx, row, if_version, error);
}

/* --- Status ----------------------------------------------------------------------------------- */

static void
set_text (JsonObject *object, const char *name, const char *text)
{
  if (text)
    json_object_set_string_member (object, name, text);
  else
    json_object_set_null_member (object, name);
}

static const char *
find_fault (const ConfigCertificate *cert)
{
  int64_t now = p2p_wall_ms ();

  if (cert->last_error)
    return cert->last_error;
  if (cert->cert && now >= cert->facts.not_after)
    return "the certificate has expired";
  if (cert->cert && now < cert->facts.not_before)
    return "the certificate is not valid yet";
  return NULL;
}

static void
add_status (JsonObject *object, int64_t id)
{
  g_autoptr (Config) cfg = config_get_current ();
  const ConfigCertificate *cert = config_find_certificate (cfg, id);
  const CertsFacts *facts = cert && cert->cert ? &cert->facts : NULL;
  const char *fault = cert ? find_fault (cert) : NULL;
  JsonObject *member = json_object_new ();
  JsonArray *names = json_array_new ();

  /* One that is not in force (a dry run, or deleted meanwhile) is to come. */
  json_object_set_string_member (member, "state",
                                 fault                   ? "error"
                                 : cert && cert->enabled ? "ready"
                                                         : "pending");
  set_text (member, "subject", facts ? facts->subject : NULL);
  set_text (member, "issuer", facts ? facts->issuer : NULL);
  for (char **name = facts ? facts->names : NULL; name && *name; name++)
    json_array_add_string_element (names, *name);
  json_object_set_array_member (member, "dns_names", names);
  json_object_set_member (member, "not_before", api_time_to_json (facts ? facts->not_before : 0));
  json_object_set_member (member, "not_after", api_time_to_json (facts ? facts->not_after : 0));
  set_text (member, "sha256_fingerprint", facts ? facts->sha256 : NULL);
  set_text (member, "last_error", fault);
  json_object_set_member (
      member, "next_renewal_at",
      api_time_to_json (facts && cert->renewed_here ? facts->not_after - CONFIG_CERT_RENEW_MS : 0));
  json_object_set_object_member (object, "status", member);
}

static const ApiResource certificates = {
  .name = "certificates",
  .schema = &schema,
  .get = get_row,
  .list = list_rows,
  .insert = insert_row,
  .update = update_row,
  .remove = certificate_row_delete,
  .check = check_row,
  .decorate = add_status,
};

API_RESOURCE_HANDLERS (certificates, certificates)

/* --- Renewal ---------------------------------------------------------------------------------- */

static char *
row_to_text (const StoreCertificate *row)
{
  g_autoptr (JsonNode) node = api_node_from_object (api_fields_print (&schema, row));

  return json_to_string (node, false);
}

static bool
apply_renew (StoreTx *tx, ConfigChange *change, void *data, GError **error)
{
  ApiCall *call = data;
  g_autoptr (StoreCertificate) row = get_row (tx, call->id, error);

  if (!row || !api_call_match (call, row->version, error))
    return false;
  if (row->source != STORE_CERTIFICATE_SELF_SIGNED)
    {
      g_set_error_literal (
          error, API_ERROR, API_PROBLEM_CONFLICT,
          "only a self-signed certificate is renewed here: give a manual one anew");
      return false;
    }
  change->object_id = call->id;
  change->before = row_to_text (row);
  if (!config_make_self_signed (row, error) || !store_certificate_update (tx, row, 0, error))
    return false;
  change->after = row_to_text (row);
  return true;
}

JsonNode *
api_certificates_renew (ApiCall *call, GError **error)
{
  g_auto (GStrv) warnings = NULL;
  JsonNode *answer;

  if (!api_change_run (call, certificates.name, "renew", apply_renew, call, &warnings, error))
    return NULL;
  answer = api_resource_get (&certificates, call, error);
  if (answer)
    api_add_warnings (call, json_node_get_object (answer), warnings);
  return answer;
}

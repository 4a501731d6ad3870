/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* Certificates of the snapshot: those of the store, parsed once, and new self-signed ones for the
 * names of https listeners that have none. A key is made here, in a change, and never in a
 * handshake. Under CONFIG_WRITE, inside the transaction. */
#include "daemon/certs/certs.h"
#include "daemon/config/config-priv.h"

#include "lib/clock.h"

/* One that ends sooner is made anew at the next change, or start. */
#define RENEW_MS (INT64_C (30) * 24 * 60 * 60 * 1000)

static CertBox *
make_box (const StoreCertificate *row, GError **error)
{
  g_autoptr (CertBox) box = g_new0 (CertBox, 1);

  box->n_refs = 1;
  box->id = row->id;
  box->version = row->version;
  box->listener_id = row->listener_id;
  box->not_after = row->not_after;
  box->pattern = g_ascii_strdown (row->hostname_pattern, -1);
  box->cert = p2p_tls_cert_new (p2p_span_from_string (row->certificate_pem),
                                p2p_span_from_string (row->private_key_pem), error);
  if (box->cert)
    return g_steal_pointer (&box);
  g_prefix_error (error, "certificate %" G_GINT64_FORMAT " ('%s'): ", row->id,
                  row->hostname_pattern);
  return NULL;
}

static gint
compare_cert_id (gconstpointer a, gconstpointer b)
{
  const CertBox *ca = *(CertBox *const *) a, *cb = *(CertBox *const *) b;

  return ca->id < cb->id ? -1 : ca->id > cb->id;
}

static CertBox *
share (const Builder *builder, const StoreVersion *want)
{
  CertBox key = { .id = want->id };
  CertBox *key_pointer = &key;
  CertBox *const *found = NULL;

  if (builder->old && builder->old->certs->len)
    found = bsearch (&key_pointer, builder->old->certs->pdata, builder->old->certs->len,
                     sizeof (void *), compare_cert_id);
  return found && (*found)->version == want->version ? cert_box_ref (*found) : NULL;
}

static bool
load (Builder *builder, GError **error)
{
  g_autoptr (GArray) versions = store_list_versions (builder->tx, STORE_TABLE_CERTIFICATES, error);
  int64_t now = p2p_wall_ms ();

  for (unsigned i = 0; versions && i < versions->len; i++)
    {
      const StoreVersion *want = &g_array_index (versions, StoreVersion, i);
      CertBox *box = share (builder, want);

      if (!box)
        {
          g_autoptr (StoreCertificate) row = store_certificate_get (builder->tx, want->id, error);

          if (!row || !(box = make_box (row, error)))
            return false;
        }
      if (box->not_after < now + RENEW_MS)
        {
          cert_box_unref (box);
          if (!store_certificate_delete (builder->tx, want->id, error))
            return false;
          continue;
        }
      g_ptr_array_add (builder->cfg->certs, box);
    }
  return versions != NULL;
}

/* At the end of the list: ids rise. */
static bool
make (Builder *builder, int64_t listener_id, const char *pattern, GError **error)
{
  g_auto (CertsPair) pair = { 0 };
  g_autoptr (StoreCertificate) row = store_certificate_new ();
  CertBox *box;

  if (!certs_self_signed (pattern, &pair, error))
    return false;
  row->listener_id = listener_id;
  g_free (row->hostname_pattern);
  row->hostname_pattern = g_strdup (pattern);
  g_free (row->certificate_pem);
  row->certificate_pem = g_steal_pointer (&pair.certificate_pem);
  g_free (row->private_key_pem);
  row->private_key_pem = g_steal_pointer (&pair.private_key_pem);
  row->not_after = pair.not_after;
  if (!store_certificate_insert (builder->tx, row, error) || !(box = make_box (row, error)))
    return false;
  g_ptr_array_add (builder->cfg->certs, box);
  return true;
}

static bool
make_fallbacks (Builder *builder, GError **error)
{
  const Config *cfg = &builder->cfg->pub;
  unsigned n_certs = builder->cfg->certs->len;

  for (unsigned i = 0; i < cfg->n_listeners; i++)
    {
      const ConfigListener *listener = cfg->listeners[i];
      bool has = listener->protocol != CONFIG_PROTOCOL_HTTPS;

      for (unsigned j = 0; j < n_certs && !has; j++)
        has = ((CertBox *) builder->cfg->certs->pdata[j])->listener_id == listener->id;
      if (!has && !make (builder, listener->id, "", error))
        return false;
    }
  return true;
}

/* An address is never sent as SNI (RFC 6066 section 3). */
static bool
make_names (Builder *builder, GError **error)
{
  const ConfigBox *cfg = builder->cfg;
  g_autoptr (GHashTable) have = g_hash_table_new (g_str_hash, g_str_equal);

  for (unsigned i = 0; i < cfg->certs->len; i++)
    g_hash_table_add (have, ((CertBox *) cfg->certs->pdata[i])->pattern);
  for (unsigned i = 0; i < cfg->routes->len; i++)
    {
      const RouteBox *route = cfg->routes->pdata[i];
      const ConfigListener *listener = config_find_listener (&cfg->pub, route->listener_id);
      const char *pattern = route->pub.host_pattern;

      if (listener->protocol != CONFIG_PROTOCOL_HTTPS || *pattern == '\0'
          || config_is_address (pattern) || g_hash_table_contains (have, pattern))
        continue;
      if (!make (builder, 0, pattern, error))
        return false;
      g_hash_table_add (have, route->pub.host_pattern);
    }
  return true;
}

bool
config_load_certificates (Builder *builder, GError **error)
{
  return load (builder, error) && make_fallbacks (builder, error) && make_names (builder, error);
}

/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* Certificates of the snapshot: those of the store, parsed once, and the fallbacks of https
 * listeners. A key is made here, in a change, and never in a handshake. Under CONFIG_WRITE, inside
 * the transaction. */
#include "daemon/config/config-priv.h"

#include "lib/clock.h"

static gint
compare_cert_id (gconstpointer a, gconstpointer b)
{
  const CertBox *ca = *(CertBox *const *) a, *cb = *(CertBox *const *) b;

  return ca->pub.id < cb->pub.id ? -1 : ca->pub.id > cb->pub.id;
}

static CertBox *
find_box (const ConfigBox *cfg, int64_t id)
{
  CertBox key = { .pub.id = id };
  CertBox *key_pointer = &key;
  CertBox *const *found = NULL;

  if (cfg && cfg->certs->len)
    found = bsearch (&key_pointer, cfg->certs->pdata, cfg->certs->len, sizeof (void *),
                     compare_cert_id);
  return found ? *found : NULL;
}

const ConfigCertificate *
config_find_certificate (const Config *cfg, int64_t id)
{
  CertBox *box = find_box ((const ConfigBox *) cfg, id);

  return box && box->source != STORE_CERTIFICATE_FALLBACK ? &box->pub : NULL;
}

/* ---- Those that are made here ---- */

static bool
is_made_here (const StoreCertificate *row)
{
  return row->source == STORE_CERTIFICATE_SELF_SIGNED || row->source == STORE_CERTIFICATE_FALLBACK;
}

bool
config_make_self_signed (StoreCertificate *row, GError **error)
{
  g_auto (CertsPair) pair = { 0 };

  if (!certs_self_signed (row->hostname_pattern, &pair, error))
    return false;
  g_free (row->certificate_pem);
  row->certificate_pem = g_steal_pointer (&pair.certificate_pem);
  g_free (row->private_key_pem);
  row->private_key_pem = g_steal_pointer (&pair.private_key_pem);
  row->not_after = pair.not_after;
  return true;
}

/* The daemon's own doing is audited as everybody's. */
static bool
audit_renewal (Builder *builder, const StoreCertificate *row, GError **error)
{
  g_autoptr (StoreAudit) audit = store_audit_new ();

  g_free (audit->principal);
  audit->principal = g_strdup ("system");
  g_free (audit->action);
  audit->action = g_strdup ("renew");
  g_free (audit->resource);
  audit->resource = g_strdup ("certificates");
  audit->object_id = row->id;
  return store_audit_insert (builder->tx, audit, error);
}

static bool
renew_if_due (Builder *builder, StoreCertificate *row, GError **error)
{
  if (!is_made_here (row) || row->not_after >= p2p_wall_ms () + CONFIG_CERT_RENEW_MS)
    return true;
  return config_make_self_signed (row, error)
         && store_certificate_update (builder->tx, row, 0, error)
         && (row->source == STORE_CERTIFICATE_FALLBACK || audit_renewal (builder, row, error));
}

/* ---- Loading ---- */

/* One that nobody touched need not be read again. */
static CertBox *
share (const Builder *builder, const StoreVersion *want)
{
  CertBox *box = find_box (builder->old, want->id);

  if (!box || box->version != want->version)
    return NULL;
  if (builder->refresh
      && (config_cert_files_changed (box) || config_cert_is_due (box) || box->pub.last_error))
    return NULL;
  return cert_box_ref (box);
}

static bool
load (Builder *builder, GError **error)
{
  g_autoptr (GArray) versions = store_list_versions (builder->tx, STORE_TABLE_CERTIFICATES, error);

  for (unsigned i = 0; versions && i < versions->len; i++)
    {
      const StoreVersion *want = &g_array_index (versions, StoreVersion, i);
      CertBox *box = share (builder, want);

      if (!box)
        {
          g_autoptr (StoreCertificate) row = store_certificate_get (builder->tx, want->id, error);

          if (!row || !renew_if_due (builder, row, error)
              || !(box = config_make_certificate (builder, row, find_box (builder->old, want->id),
                                                  error)))
            return false;
        }
      g_ptr_array_add (builder->cfg->certs, box);
    }
  return versions != NULL;
}

/* At the end of the list: ids rise. */
static bool
make_fallback (Builder *builder, int64_t listener_id, GError **error)
{
  g_autoptr (StoreCertificate) row = store_certificate_new ();
  CertBox *box;

  row->listener_id = listener_id;
  row->source = STORE_CERTIFICATE_FALLBACK;
  if (!config_make_self_signed (row, error) || !store_certificate_insert (builder->tx, row, error)
      || !(box = config_make_certificate (builder, row, NULL, error)))
    return false;
  g_ptr_array_add (builder->cfg->certs, box);
  return true;
}

static bool
has_fallback (const ConfigBox *cfg, int64_t listener_id, unsigned n_certs)
{
  for (unsigned i = 0; i < n_certs; i++)
    {
      const CertBox *box = cfg->certs->pdata[i];

      if (box->source == STORE_CERTIFICATE_FALLBACK && box->pub.listener_id == listener_id)
        return true;
    }
  return false;
}

static bool
make_fallbacks (Builder *builder, GError **error)
{
  const Config *cfg = &builder->cfg->pub;
  unsigned n_certs = builder->cfg->certs->len;

  for (unsigned i = 0; i < cfg->n_listeners; i++)
    if (cfg->listeners[i]->protocol == CONFIG_PROTOCOL_HTTPS
        && !has_fallback (builder->cfg, cfg->listeners[i]->id, n_certs)
        && !make_fallback (builder, cfg->listeners[i]->id, error))
      return false;
  return true;
}

/* ---- Two kinds of keys ---- */

static void
join_free (void *data)
{
  CertJoin *join = data;

  cert_box_unref (join->first);
  cert_box_unref (join->second);
  g_clear_pointer (&join->cert, p2p_tls_cert_unref);
  g_free (join);
}

static CertJoin *
add_join (ConfigBox *cfg, CertBox *first, CertBox *second, P2pTlsCert *take_cert)
{
  CertJoin *join = g_new0 (CertJoin, 1);

  join->first = cert_box_ref (first);
  join->second = cert_box_ref (second);
  join->cert = take_cert;
  g_ptr_array_add (cfg->joins, join);
  return join;
}

/* Those of the snapshot before whose parts are both still here, so that tickets stay good. */
static void
keep_joins (Builder *builder)
{
  builder->cfg->joins = g_ptr_array_new_with_free_func (join_free);
  for (unsigned i = 0; builder->old && i < builder->old->joins->len; i++)
    {
      const CertJoin *join = builder->old->joins->pdata[i];

      if (find_box (builder->cfg, join->first->pub.id) == join->first
          && find_box (builder->cfg, join->second->pub.id) == join->second)
        add_join (builder->cfg, join->first, join->second, p2p_tls_cert_ref (join->cert));
    }
}

P2pTlsCert *
config_join_certs (ConfigBox *cfg, CertBox *first, CertBox *second)
{
  g_autoptr (GError) error = NULL;
  P2pTlsCert *cert;

  for (unsigned i = 0; i < cfg->joins->len; i++)
    {
      const CertJoin *join = cfg->joins->pdata[i];

      if (join->first == first && join->second == second)
        return join->cert;
    }
  cert = p2p_tls_cert_join (first->pub.cert, second->pub.cert, &error);
  /* Both were taken alone; what is left is a lack of memory. */
  if (!cert)
    g_error ("%s", error->message);
  return add_join (cfg, first, second, cert)->cert;
}

bool
config_load_certificates (Builder *builder, GError **error)
{
  if (!load (builder, error) || !make_fallbacks (builder, error))
    return false;
  keep_joins (builder);
  return true;
}

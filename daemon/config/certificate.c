/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* One certificate of the snapshot from its row: checked, and parsed. What is wrong is an error of
 * the change that brings it; but a file that went bad afterwards leaves what is in force, and so
 * does one that is bad at the start leave a snapshot without it. Under CONFIG_WRITE; blocks on the
 * disk. */
#include "daemon/config/config-priv.h"

#include "lib/clock.h"

#include <sys/stat.h>

typedef struct
{
  Builder *builder;            /* (borrowed) */
  const StoreCertificate *row; /* (borrowed) */
  CertBox *box;                /* (borrowed) being made */
  GError **error;
} Scope;

/* ---- Files ---- */

static void
stamp (const char *path, CertStamp *ret_stamp)
{
  struct stat info;

  *ret_stamp = (CertStamp){ 0 };
  if (stat (path, &info) < 0)
    return; /* all zero: not there */
  *ret_stamp = (CertStamp){
    .device = (uint64_t) info.st_dev,
    .inode = (uint64_t) info.st_ino,
    .size = (uint64_t) info.st_size,
    .changed_ns = (uint64_t) info.st_ctim.tv_sec * 1000000000 + (uint64_t) info.st_ctim.tv_nsec,
    .modified_ns = (uint64_t) info.st_mtim.tv_sec * 1000000000 + (uint64_t) info.st_mtim.tv_nsec,
  };
}

static bool
same_stamp (const CertStamp *a, const CertStamp *b)
{
  return a->device == b->device && a->inode == b->inode && a->size == b->size
         && a->changed_ns == b->changed_ns && a->modified_ns == b->modified_ns;
}

bool
config_cert_files_changed (const CertBox *box)
{
  CertStamp certificate, key;

  if (!*box->certificate_path)
    return false;
  stamp (box->certificate_path, &certificate);
  stamp (box->private_key_path, &key);
  return !same_stamp (&certificate, &box->stamps[0]) || !same_stamp (&key, &box->stamps[1]);
}

bool
config_cert_is_due (const CertBox *box)
{
  int64_t now = p2p_wall_ms ();

  /* What could not be used may only have been early. */
  if (*box->certificate_path)
    return box->pub.last_error && now >= box->again_at;
  return (box->source == STORE_CERTIFICATE_SELF_SIGNED || box->source == STORE_CERTIFICATE_FALLBACK)
         && box->pub.facts.not_after < now + CONFIG_CERT_RENEW_MS;
}

/* ---- What is wrong ---- */

static bool G_GNUC_PRINTF (3, 4)
    refuse (const Scope *scope, const char *field, const char *format, ...)
{
  g_autofree char *sentence = NULL;
  va_list args;

  va_start (args, format);
  sentence = g_strdup_vprintf (format, args);
  va_end (args);
  config_set_error (scope->error, CONFIG_ERROR_INVALID, field, "certificate '%s': %s",
                    scope->row->hostname_pattern, sentence);
  return false;
}

static const char *
field_of (const Scope *scope, CertsPart part)
{
  if (*scope->row->certificate_path)
    return part == CERTS_PART_KEY ? "private_key_path" : "certificate_path";
  return part == CERTS_PART_KEY ? "private_key_pem" : "certificate_pem";
}

static bool
check_pattern (const Scope *scope)
{
  const char *pattern = scope->row->hostname_pattern;
  const char *wrong = *pattern ? config_check_host_pattern (pattern) : "must not be empty";

  if (scope->row->source == STORE_CERTIFICATE_FALLBACK)
    return true;
  if (!wrong && config_is_address (pattern))
    wrong = "must be a name: clients do not send an address (RFC 6066 section 3)";
  return wrong ? refuse (scope, "hostname_pattern", "hostname_pattern %s", wrong) : true;
}

static bool
check_places (const Scope *scope)
{
  const StoreCertificate *row = scope->row;
  bool files = *row->certificate_path || *row->private_key_path;

  if (row->source == STORE_CERTIFICATE_ACME)
    return refuse (scope, "source", "source acme is not supported by this version");
  if (row->source != STORE_CERTIFICATE_MANUAL)
    return !files ? true
                  : refuse (scope, "certificate_path", "a self-signed certificate has no files");
  if (files && (*row->certificate_pem || *row->private_key_pem))
    return refuse (scope, "certificate_path", "has files and a text: give the one or the other");
  if (files && *row->certificate_path != '/')
    return refuse (scope, "certificate_path", "certificate_path must be absolute");
  if (files && *row->private_key_path != '/')
    return refuse (scope, "private_key_path", "private_key_path must be absolute");
  if (!files && !*row->certificate_pem)
    return refuse (scope, "certificate_pem", "certificate_pem or certificate_path is needed");
  if (!files && !*row->private_key_pem)
    return refuse (scope, "private_key_pem", "private_key_pem is needed");
  return true;
}

static char *
describe_dates (const CertsFacts *facts)
{
  int64_t now = p2p_wall_ms ();
  bool early = now < facts->not_before;
  g_autoptr (GDateTime) at = NULL;
  g_autofree char *text = NULL;

  if (!early && now < facts->not_after)
    return NULL;
  at = g_date_time_new_from_unix_utc ((early ? facts->not_before : facts->not_after) / 1000);
  text = at ? g_date_time_format (at, "%Y-%m-%d %H:%M UTC") : g_strdup ("an unknown time");
  return g_strdup_printf (
      early ? "the certificate is not valid before %s" : "the certificate expired at %s", text);
}

static void G_GNUC_PRINTF (2, 3) warn (const Scope *scope, const char *format, ...)
{
  g_autofree char *sentence = NULL;
  va_list args;

  if (scope->row->source == STORE_CERTIFICATE_FALLBACK)
    return; /* nobody expects it to name anything */
  va_start (args, format);
  sentence = g_strdup_vprintf (format, args);
  va_end (args);
  g_ptr_array_add (
      scope->builder->warnings,
      g_strdup_printf ("certificate '%s': %s", scope->row->hostname_pattern, sentence));
}

/* ---- The pair ---- */

static bool
take_pair (const Scope *scope,
           const char *chain,
           const char *key,
           CertsPart *ret_part,
           GError **error)
{
  ConfigCertificate *pub = &scope->box->pub;

  *ret_part = CERTS_PART_CERTIFICATE;
  if (!certs_inspect (chain, key, &pub->facts, ret_part, error))
    return false;
  pub->cert = p2p_tls_cert_new (p2p_span_from_string (chain), p2p_span_from_string (key), error);
  return pub->cert != NULL;
}

static bool
check_dates (const Scope *scope, GError **error)
{
  g_autofree char *wrong = describe_dates (&scope->box->pub.facts);

  if (!wrong)
    return true;
  if (!scope->row->enabled || !scope->builder->old)
    {
      warn (scope, "%s", wrong);
      return true;
    }
  g_set_error_literal (error, CERTS_ERROR, CERTS_ERROR_INVALID, wrong);
  return false;
}

static bool
take_texts (const Scope *scope)
{
  g_autoptr (GError) why = NULL;
  CertsPart part;

  if (take_pair (scope, scope->row->certificate_pem, scope->row->private_key_pem, &part, &why)
      && (scope->row->source != STORE_CERTIFICATE_MANUAL || check_dates (scope, &why)))
    return true;
  return refuse (scope, field_of (scope, part), "%s", why->message);
}

static void
warn_if_open (const Scope *scope)
{
  struct stat info;

  if (stat (scope->box->private_key_path, &info) == 0 && (info.st_mode & (S_IROTH | S_IWOTH)))
    warn (scope, "%s is open to every user of the machine", scope->box->private_key_path);
}

static bool
read_files (const Scope *scope, CertsPart *ret_part, GError **error)
{
  CertBox *box = scope->box;
  g_autofree char *chain = NULL;
  g_autofree char *key = NULL;
  bool ok;

  /* Before reading: what comes meanwhile is seen the next time. */
  stamp (box->certificate_path, &box->stamps[0]);
  stamp (box->private_key_path, &box->stamps[1]);
  *ret_part = CERTS_PART_CERTIFICATE;
  chain = certs_read_text (box->certificate_path, error);
  if (!chain)
    return false;
  *ret_part = CERTS_PART_KEY;
  key = certs_read_text (box->private_key_path, error);
  if (!key)
    return false;
  ok = take_pair (scope, chain, key, ret_part, error) && check_dates (scope, error);
  explicit_bzero (key, strlen (key));
  if (ok)
    warn_if_open (scope);
  return ok;
}

static void
copy_facts (const CertsFacts *from, CertsFacts *to)
{
  certs_facts_clear (to);
  *to = *from;
  to->subject = g_strdup (from->subject);
  to->issuer = g_strdup (from->issuer);
  to->names = g_strdupv (from->names);
}

/* old: what is in force from the same files. */
static void
keep_old (CertBox *box, const CertBox *old, const char *why)
{
  box->pub.last_error = g_strdup (why);
  box->again_at = p2p_wall_ms () + CONFIG_CERT_AGAIN_MS;
  g_clear_pointer (&box->pub.cert, p2p_tls_cert_unref);
  certs_facts_clear (&box->pub.facts);
  box->pub.facts = (CertsFacts){ 0 };
  if (!old || !old->pub.cert)
    return;
  box->pub.cert = p2p_tls_cert_ref (old->pub.cert);
  copy_facts (&old->pub.facts, &box->pub.facts);
}

static bool
take_files (const Scope *scope, const CertBox *old)
{
  CertBox *box = scope->box;
  bool same = old && strcmp (old->certificate_path, box->certificate_path) == 0
              && strcmp (old->private_key_path, box->private_key_path) == 0;
  g_autoptr (GError) why = NULL;
  CertsPart part;

  if (read_files (scope, &part, &why))
    return true;
  if (scope->builder->old && !same)
    return refuse (scope, field_of (scope, part), "%s", why->message);
  warn (scope, "%s; %s", why->message,
        same && old->pub.cert ? "what was read before stays in force" : "it is not in force");
  keep_old (box, same ? old : NULL, why->message);
  return true;
}

CertBox *
config_make_certificate (Builder *builder,
                         const StoreCertificate *row,
                         const CertBox *old,
                         GError **error)
{
  g_autoptr (CertBox) box = g_new0 (CertBox, 1);
  Scope scope = { .builder = builder, .row = row, .box = box, .error = error };

  box->n_refs = 1;
  box->version = row->version;
  box->source = row->source;
  box->certificate_path = g_strdup (row->certificate_path);
  box->private_key_path = g_strdup (row->private_key_path);
  box->pub.id = row->id;
  box->pub.listener_id = row->listener_id;
  box->pub.enabled = row->enabled;
  box->pub.renewed_here = row->source == STORE_CERTIFICATE_SELF_SIGNED;
  box->pub.pattern = g_ascii_strdown (row->hostname_pattern, -1);
  if (!check_pattern (&scope) || !check_places (&scope)
      || !(*row->certificate_path ? take_files (&scope, old) : take_texts (&scope)))
    return NULL;
  if (box->pub.cert && !certs_facts_name (&box->pub.facts, box->pub.pattern))
    warn (&scope, "the certificate does not name it: clients will not trust it");
  return g_steal_pointer (&box);
}

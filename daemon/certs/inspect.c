/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* What a chain and its key say about themselves, and what is wrong with the two: the sentences are
 * for whoever uploads them. Any thread; no state. */
#include "daemon/certs/certs-priv.h"

#include <gnutls/crypto.h>

#define CHAIN_MAX 16
#define DN_MAX 512

typedef struct
{
  gnutls_x509_crt_t *crts; /* (owned) */
  unsigned n;
} Chain;

static void
chain_clear (Chain *chain)
{
  for (unsigned i = 0; i < chain->n; i++)
    gnutls_x509_crt_deinit (chain->crts[i]);
  gnutls_free (chain->crts);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Chain, chain_clear)

void
certs_facts_clear (CertsFacts *facts)
{
  g_clear_pointer (&facts->subject, g_free);
  g_clear_pointer (&facts->issuer, g_free);
  g_clear_pointer (&facts->names, g_strfreev);
}

static gnutls_datum_t
datum (const char *text)
{
  return (gnutls_datum_t){ (unsigned char *) text, (unsigned) strlen (text) };
}

static bool G_GNUC_PRINTF (4, 5)
    refuse (CertsPart *ret_part, CertsPart part, GError **error, const char *format, ...)
{
  va_list args;

  *ret_part = part;
  va_start (args, format);
  if (error)
    *error = g_error_new_valist (CERTS_ERROR, CERTS_ERROR_INVALID, format, args);
  va_end (args);
  return false;
}

static char *
dup_name (gnutls_x509_crt_t crt, int (*get) (gnutls_x509_crt_t, gnutls_datum_t *, unsigned))
{
  gnutls_datum_t text = { NULL, 0 };
  char *name;

  if (get (crt, &text, 0) < 0)
    return g_strdup ("");
  name = g_utf8_make_valid ((const char *) text.data, (gssize) MIN (text.size, DN_MAX));
  gnutls_free (text.data);
  return name;
}

static bool
read_chain (const char *pem, Chain *chain, CertsPart *ret_part, GError **error)
{
  gnutls_datum_t text = datum (pem);
  int rc = gnutls_x509_crt_list_import2 (&chain->crts, &chain->n, &text, GNUTLS_X509_FMT_PEM, 0);

  if (rc < 0)
    {
      chain->crts = NULL;
      chain->n = 0;
      return refuse (ret_part, CERTS_PART_CERTIFICATE, error,
                     "the certificate cannot be read as PEM: %s", gnutls_strerror (rc));
    }
  if (chain->n > CHAIN_MAX)
    return refuse (ret_part, CERTS_PART_CERTIFICATE, error,
                   "the chain has %u certificates, %d are allowed", chain->n, CHAIN_MAX);
  return true;
}

/* A browser may find its way through a chain in disorder; others do not (RFC 5246 section 7.4.2).
 */
static bool
check_order (const Chain *chain, CertsPart *ret_part, GError **error)
{
  for (unsigned i = 0; i + 1 < chain->n; i++)
    {
      g_autofree char *subject = NULL;
      g_autofree char *issuer = NULL;

      if (gnutls_x509_crt_check_issuer (chain->crts[i], chain->crts[i + 1]))
        continue;
      subject = dup_name (chain->crts[i], gnutls_x509_crt_get_dn3);
      issuer = dup_name (chain->crts[i + 1], gnutls_x509_crt_get_dn3);
      return refuse (
          ret_part, CERTS_PART_CERTIFICATE, error,
          "the chain is out of order: its certificate %u (%s) is not the issuer of the one "
          "before it (%s); the server's own comes first, then each one's issuer",
          i + 2, issuer, subject);
    }
  return true;
}

static bool
read_key (const char *pem, gnutls_x509_privkey_t *ret_key, CertsPart *ret_part, GError **error)
{
  g_auto (gnutls_x509_privkey_t) key = NULL;
  gnutls_datum_t text = datum (pem);
  int rc = gnutls_x509_privkey_init (&key);

  if (rc >= 0)
    rc = gnutls_x509_privkey_import2 (key, &text, GNUTLS_X509_FMT_PEM, NULL, 0);
  if (rc == GNUTLS_E_DECRYPTION_FAILED)
    return refuse (ret_part, CERTS_PART_KEY, error,
                   "the private key is encrypted: nobody could type its passphrase");
  if (rc < 0)
    return refuse (ret_part, CERTS_PART_KEY, error, "the private key cannot be read as PEM: %s",
                   gnutls_strerror (rc));
  *ret_key = g_steal_pointer (&key);
  return true;
}

static bool
check_key (gnutls_x509_crt_t crt, const char *pem, CertsPart *ret_part, GError **error)
{
  g_auto (gnutls_x509_privkey_t) key = NULL;
  uint8_t a[64], b[64];
  size_t n_a = sizeof a, n_b = sizeof b;

  if (!read_key (pem, &key, ret_part, error))
    return false;
  if (gnutls_x509_crt_get_key_id (crt, GNUTLS_KEYID_USE_SHA256, a, &n_a) < 0
      || gnutls_x509_privkey_get_key_id (key, GNUTLS_KEYID_USE_SHA256, b, &n_b) < 0 || n_a != n_b
      || memcmp (a, b, n_a) != 0)
    return refuse (ret_part, CERTS_PART_KEY, error,
                   "the private key does not belong to the certificate");
  return true;
}

static bool
fill (gnutls_x509_crt_t crt, CertsFacts *facts)
{
  uint8_t hash[32];
  size_t n = sizeof hash;
  int algorithm = gnutls_x509_crt_get_pk_algorithm (crt, NULL);

  if (gnutls_x509_crt_get_fingerprint (crt, GNUTLS_DIG_SHA256, hash, &n) < 0)
    return false;
  for (unsigned i = 0; i < sizeof hash; i++)
    (void) g_snprintf (facts->sha256 + 2 * i, 3, "%02x", hash[i]); /* has room for all */
  facts->subject = dup_name (crt, gnutls_x509_crt_get_dn3);
  facts->issuer = dup_name (crt, gnutls_x509_crt_get_issuer_dn3);
  facts->names = certs_names_of (crt);
  facts->not_before = (int64_t) gnutls_x509_crt_get_activation_time (crt) * 1000;
  facts->not_after = (int64_t) gnutls_x509_crt_get_expiration_time (crt) * 1000;
  facts->rsa = algorithm == GNUTLS_PK_RSA || algorithm == GNUTLS_PK_RSA_PSS;
  return true;
}

bool
certs_inspect (const char *chain_pem,
               const char *key_pem,
               CertsFacts *ret_facts,
               CertsPart *ret_part,
               GError **error)
{
  g_auto (Chain) chain = { 0 };

  if (!read_chain (chain_pem, &chain, ret_part, error)
      || !check_key (chain.crts[0], key_pem, ret_part, error)
      || !check_order (&chain, ret_part, error))
    return false;
  return fill (chain.crts[0], ret_facts)
         || refuse (ret_part, CERTS_PART_CERTIFICATE, error, "the certificate cannot be read");
}

bool
certs_facts_name (const CertsFacts *facts, const char *pattern)
{
  const char *dot = *pattern == '*' ? NULL : strchr (pattern, '.');

  for (char **name = facts->names; *name; name++)
    if (strcmp (*name, pattern) == 0 || (dot && **name == '*' && strcmp (*name + 1, dot) == 0))
      return true;
  return false;
}

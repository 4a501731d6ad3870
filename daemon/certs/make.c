/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* Makes keys and certificates. Any thread; no state. */
#include "daemon/certs/certs-priv.h"

#include "lib/clock.h"

#include <arpa/inet.h>
#include <gnutls/crypto.h>

G_DEFINE_QUARK (certs - error - quark, certs_error)

#define DAY_S ((time_t) 24 * 60 * 60)
#define CLOCK_SKEW_S 3600
#define COMMON_NAME_MAX 64 /* ub-common-name of RFC 5280 */
#define SERIAL_SIZE 16

void
certs_pair_clear (CertsPair *pair)
{
  g_clear_pointer (&pair->certificate_pem, g_free);
  if (pair->private_key_pem)
    explicit_bzero (pair->private_key_pem, strlen (pair->private_key_pem));
  g_clear_pointer (&pair->private_key_pem, g_free);
}

void
certs_set_gnutls_error (GError **error, const char *object, int rc)
{
  g_set_error (error, CERTS_ERROR, CERTS_ERROR_INTERNAL, "%s: %s", object, gnutls_strerror (rc));
}

size_t
certs_parse_address (const char *text, uint8_t ret_address[16])
{
  if (inet_pton (AF_INET, text, ret_address) == 1)
    return 4;
  return inet_pton (AF_INET6, text, ret_address) == 1 ? 16 : 0;
}

gnutls_x509_privkey_t
certs_make_key (GError **error)
{
  g_auto (gnutls_x509_privkey_t) key = NULL;
  int rc = gnutls_x509_privkey_init (&key);

  if (rc == 0)
    rc = gnutls_x509_privkey_generate (key, GNUTLS_PK_ECDSA,
                                       GNUTLS_CURVE_TO_BITS (GNUTLS_ECC_CURVE_SECP256R1), 0);
  if (rc == 0)
    return g_steal_pointer (&key);
  certs_set_gnutls_error (error, "private key", rc);
  return NULL;
}

/* 127 random bits, never negative: RFC 5280 section 4.1.2.2. */
static int
set_serial (gnutls_x509_crt_t crt)
{
  uint8_t serial[SERIAL_SIZE];
  int rc = gnutls_rnd (GNUTLS_RND_NONCE, serial, sizeof serial);

  serial[0] = (uint8_t) ((serial[0] & 0x7f) | 0x40);
  return rc < 0 ? rc : gnutls_x509_crt_set_serial (crt, serial, sizeof serial);
}

static int
set_names (gnutls_x509_crt_t crt, const char *const *names)
{
  int rc = 0;

  for (unsigned i = 0; rc == 0 && names[i]; i++)
    {
      uint8_t address[16];
      size_t n = certs_parse_address (names[i], address);

      rc = n ? gnutls_x509_crt_set_subject_alt_name (crt, GNUTLS_SAN_IPADDRESS, address,
                                                     (unsigned) n, GNUTLS_FSAN_APPEND)
             : gnutls_x509_crt_set_subject_alt_name (crt, GNUTLS_SAN_DNSNAME, names[i],
                                                     (unsigned) strlen (names[i]),
                                                     GNUTLS_FSAN_APPEND);
    }
  return rc;
}

static int
set_purpose (gnutls_x509_crt_t crt, bool ca)
{
  int rc = gnutls_x509_crt_set_basic_constraints (crt, ca, ca ? 0 : -1);

  if (rc == 0)
    rc = gnutls_x509_crt_set_key_usage (crt, ca ? GNUTLS_KEY_KEY_CERT_SIGN | GNUTLS_KEY_CRL_SIGN
                                                : GNUTLS_KEY_DIGITAL_SIGNATURE);
  if (rc == 0 && !ca)
    rc = gnutls_x509_crt_set_key_purpose_oid (crt, GNUTLS_KP_TLS_WWW_SERVER, 0);
  return rc;
}

/* The subject key identifier, and that of the issuer as the authority's: chains are found by them.
 */
static int
set_key_ids (gnutls_x509_crt_t crt, gnutls_x509_crt_t issuer)
{
  uint8_t id[64];
  size_t n = sizeof id;
  int rc = gnutls_x509_crt_get_key_id (crt, 0, id, &n);

  if (rc == 0)
    rc = gnutls_x509_crt_set_subject_key_id (crt, id, n);
  if (rc < 0 || !issuer)
    return rc;
  n = sizeof id;
  rc = gnutls_x509_crt_get_subject_key_id (issuer, id, &n, NULL);
  return rc < 0 ? rc : gnutls_x509_crt_set_authority_key_id (crt, id, n);
}

static int
fill (gnutls_x509_crt_t crt, const CertsRequest *request)
{
  time_t now = (time_t) (p2p_wall_ms () / 1000);
  int rc = gnutls_x509_crt_set_version (crt, 3);

  if (rc == 0)
    rc = gnutls_x509_crt_set_key (crt, request->key);
  if (rc == 0)
    rc = set_serial (crt);
  if (rc == 0)
    rc = gnutls_x509_crt_set_activation_time (crt, now - CLOCK_SKEW_S);
  if (rc == 0)
    rc = gnutls_x509_crt_set_expiration_time (crt, now + CERTS_DAYS * DAY_S);
  if (rc == 0)
    rc = gnutls_x509_crt_set_dn_by_oid (
        crt, GNUTLS_OID_X520_COMMON_NAME, 0, request->common_name,
        (unsigned) MIN (strlen (request->common_name), COMMON_NAME_MAX));
  if (rc == 0)
    rc = set_names (crt, request->names);
  if (rc == 0)
    rc = set_purpose (crt, request->ca);
  if (rc == 0)
    rc = set_key_ids (crt, request->issuer);
  if (rc == 0)
    rc = gnutls_x509_crt_sign2 (crt, request->issuer ? request->issuer : crt,
                                request->issuer ? request->issuer_key : request->key,
                                GNUTLS_DIG_SHA256, 0);
  return rc;
}

gnutls_x509_crt_t
certs_make_certificate (const CertsRequest *request, GError **error)
{
  g_auto (gnutls_x509_crt_t) crt = NULL;
  int rc = gnutls_x509_crt_init (&crt);

  if (rc == 0)
    rc = fill (crt, request);
  if (rc == 0)
    return g_steal_pointer (&crt);
  certs_set_gnutls_error (error, request->common_name, rc);
  return NULL;
}

static char *
take_pem (gnutls_datum_t *pem)
{
  char *text = g_strndup ((const char *) pem->data, pem->size);

  explicit_bzero (pem->data, pem->size);
  gnutls_free (pem->data);
  return text;
}

char *
certs_key_to_pem (gnutls_x509_privkey_t key, GError **error)
{
  gnutls_datum_t pem = { NULL, 0 };
  int rc =
      gnutls_x509_privkey_export2_pkcs8 (key, GNUTLS_X509_FMT_PEM, NULL, GNUTLS_PKCS_PLAIN, &pem);

  if (rc == 0)
    return take_pem (&pem);
  certs_set_gnutls_error (error, "private key", rc);
  return NULL;
}

char *
certs_certificate_to_pem (gnutls_x509_crt_t crt, GError **error)
{
  gnutls_datum_t pem = { NULL, 0 };
  int rc = gnutls_x509_crt_export2 (crt, GNUTLS_X509_FMT_PEM, &pem);

  if (rc == 0)
    return take_pem (&pem);
  certs_set_gnutls_error (error, "certificate", rc);
  return NULL;
}

bool
certs_self_signed (const char *name, CertsPair *ret_pair, GError **error)
{
  const char *const names[] = { *name ? name : NULL, NULL };
  g_auto (gnutls_x509_privkey_t) key = certs_make_key (error);
  g_auto (gnutls_x509_crt_t) crt = NULL;
  g_auto (CertsPair) pair = { 0 };
  CertsRequest request = {
    .common_name = *name && strlen (name) <= COMMON_NAME_MAX ? name : "p2pstream",
    .names = names,
    .key = key,
  };

  if (!key || !(crt = certs_make_certificate (&request, error))
      || !(pair.certificate_pem = certs_certificate_to_pem (crt, error))
      || !(pair.private_key_pem = certs_key_to_pem (key, error)))
    return false;
  ret_pair->certificate_pem = g_steal_pointer (&pair.certificate_pem);
  ret_pair->private_key_pem = g_steal_pointer (&pair.private_key_pem);
  ret_pair->not_after = (int64_t) gnutls_x509_crt_get_expiration_time (crt) * 1000;
  return true;
}

/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* Pins, and the judge of every connection. Any thread; no state. */
#include "client/pin.h"

#include <glib/gi18n-lib.h>
#include <string.h>

bool
p2p_pin_parse (const char *text, P2pPin *ret_pin)
{
  P2pPin pin = { 0 };
  unsigned n_digits = 0;

  for (; *text != '\0'; text++)
    {
      int digit = g_ascii_xdigit_value (*text);

      if (digit < 0 && (*text == ':' || g_ascii_isspace (*text)))
        continue;
      if (digit < 0 || n_digits == 2 * sizeof pin.sha256)
        return false;
      pin.sha256[n_digits / 2] = (uint8_t) (pin.sha256[n_digits / 2] << 4 | digit);
      n_digits++;
    }
  if (n_digits != 2 * sizeof pin.sha256)
    return false;
  *ret_pin = pin;
  return true;
}

bool
p2p_pin_equal (const P2pPin *a, const P2pPin *b)
{
  return memcmp (a->sha256, b->sha256, sizeof a->sha256) == 0;
}

char *
p2p_pin_dup_hex (const P2pPin *pin)
{
  GString *text = g_string_sized_new (2 * sizeof pin->sha256);

  for (size_t i = 0; i < sizeof pin->sha256; i++)
    g_string_append_printf (text, "%02x", pin->sha256[i]);
  return g_string_free (text, FALSE);
}

char *
p2p_pin_dup_groups (const P2pPin *pin)
{
  GString *text = g_string_new (NULL);

  for (size_t i = 0; i < sizeof pin->sha256; i++)
    {
      const char *after = i == sizeof pin->sha256 - 1 ? "" : i % 8 == 7 ? "\n" : ":";

      g_string_append_printf (text, "%02X%s", pin->sha256[i], after);
    }
  return g_string_free (text, FALSE);
}

void
p2p_pin_of_certificate (GTlsCertificate *certificate, P2pPin *ret_pin)
{
  g_autoptr (GByteArray) der = NULL;
  g_autoptr (GChecksum) checksum = g_checksum_new (G_CHECKSUM_SHA256);
  size_t n_bytes = sizeof ret_pin->sha256;

  g_object_get (certificate, "certificate", &der, NULL);
  g_assert (der != NULL);
  g_checksum_update (checksum, der->data, der->len);
  g_checksum_get_digest (checksum, ret_pin->sha256, &n_bytes);
}

/* The name alone: whatever else the verification finds (an unknown authority, an old algorithm)
 * says nothing about a certificate that a person compared byte by byte. GnuTLS compares addresses
 * with the address entries. */
static bool
names_host (GTlsCertificate *certificate, const P2pAddress *address)
{
  g_autoptr (GSocketConnectable) identity = g_network_address_new (address->host, address->port);

  return (g_tls_certificate_verify (certificate, identity, NULL) & G_TLS_CERTIFICATE_BAD_IDENTITY)
         == 0;
}

P2pDoubt
p2p_pin_judge (const P2pPin     *pin,
               GTlsCertificate  *certificate,
               const P2pAddress *address,
               int64_t           now_s)
{
  g_autoptr (GDateTime) from = g_tls_certificate_get_not_valid_before (certificate);
  g_autoptr (GDateTime) until = g_tls_certificate_get_not_valid_after (certificate);
  P2pPin shown;
  P2pDoubt doubt = 0;

  p2p_pin_of_certificate (certificate, &shown);
  if (pin == NULL)
    doubt |= P2P_DOUBT_UNPINNED;
  else if (!p2p_pin_equal (pin, &shown))
    doubt |= P2P_DOUBT_CHANGED;
  if (!names_host (certificate, address))
    doubt |= P2P_DOUBT_NAME;
  /* A certificate without readable dates has none that hold. */
  if (from == NULL || now_s < g_date_time_to_unix (from))
    doubt |= P2P_DOUBT_EARLY;
  if (until == NULL || now_s > g_date_time_to_unix (until))
    doubt |= P2P_DOUBT_EXPIRED;
  return doubt;
}

char *
p2p_doubt_dup_text (P2pDoubt doubt, const P2pAddress *address)
{
  g_autofree char *name = p2p_address_dup_display (address);

  if (doubt & P2P_DOUBT_CHANGED)
    return g_strdup_printf (_("%s shows another certificate than the one you trusted"), name);
  if (doubt & P2P_DOUBT_UNPINNED)
    return g_strdup_printf (_("The certificate of %s has not been trusted yet"), name);
  if (doubt & P2P_DOUBT_NAME)
    return g_strdup_printf (_("The certificate does not name %s"), address->host);
  if (doubt & P2P_DOUBT_EXPIRED)
    return g_strdup_printf (_("The certificate of %s has expired"), name);
  if (doubt & P2P_DOUBT_EARLY)
    return g_strdup_printf (_("The certificate of %s is not valid yet"), name);
  return g_strdup_printf (_("The certificate of %s is trusted"), name);
}

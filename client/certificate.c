/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* What a server showed, in the words that a person decides on. Immutable after construction; any
 * thread. */
#include "client/certificate.h"

struct _P2pCertificate
{
  GObject parent_instance;

  P2pAddress *address;          /* (owned) */
  GTlsCertificate *certificate; /* (owned) the leaf alone */
  P2pPin pin;
  char *subject;         /* (owned) */
  char *issuer;          /* (owned) */
  GDateTime *not_before; /* (owned) (nullable) */
  GDateTime *not_after;  /* (owned) (nullable) */
  GStrv names;           /* (owned) */
};

G_DEFINE_FINAL_TYPE (P2pCertificate, p2p_certificate, G_TYPE_OBJECT)

static void
p2p_certificate_finalize (GObject *object)
{
  P2pCertificate *self = P2P_CERTIFICATE (object);

  p2p_address_free (self->address);
  g_clear_object (&self->certificate);
  g_free (self->subject);
  g_free (self->issuer);
  g_clear_pointer (&self->not_before, g_date_time_unref);
  g_clear_pointer (&self->not_after, g_date_time_unref);
  g_strfreev (self->names);
  G_OBJECT_CLASS (p2p_certificate_parent_class)->finalize (object);
}

static void
p2p_certificate_class_init (P2pCertificateClass *klass)
{
  G_OBJECT_CLASS (klass)->finalize = p2p_certificate_finalize;
}

static void
p2p_certificate_init (G_GNUC_UNUSED P2pCertificate *self)
{
}

static GStrv
names_of (GTlsCertificate *certificate)
{
  g_autoptr (GStrvBuilder) builder = g_strv_builder_new ();
  g_autoptr (GPtrArray) hosts = g_tls_certificate_get_dns_names (certificate);
  g_autoptr (GPtrArray) addresses = g_tls_certificate_get_ip_addresses (certificate);

  for (unsigned i = 0; hosts != NULL && i < hosts->len; i++)
    {
      GBytes *host = g_ptr_array_index (hosts, i);
      size_t n_bytes;
      const char *text = g_bytes_get_data (host, &n_bytes);
      g_autofree char *name = g_strndup (text, n_bytes);
      g_autofree char *shown = g_utf8_make_valid (name, -1);

      g_strv_builder_add (builder, shown);
    }
  for (unsigned i = 0; addresses != NULL && i < addresses->len; i++)
    {
      g_autofree char *text = g_inet_address_to_string (g_ptr_array_index (addresses, i));

      g_strv_builder_add (builder, text);
    }
  return g_strv_builder_end (builder);
}

P2pCertificate *
p2p_certificate_new (GTlsCertificate *certificate, const P2pAddress *address)
{
  P2pCertificate *self = g_object_new (P2P_TYPE_CERTIFICATE, NULL);

  self->address = p2p_address_copy (address);
  self->certificate = g_object_ref (certificate);
  p2p_pin_of_certificate (certificate, &self->pin);
  self->subject = g_tls_certificate_get_subject_name (certificate);
  self->issuer = g_tls_certificate_get_issuer_name (certificate);
  self->not_before = g_tls_certificate_get_not_valid_before (certificate);
  self->not_after = g_tls_certificate_get_not_valid_after (certificate);
  self->names = names_of (certificate);
  return self;
}

const P2pAddress *
p2p_certificate_get_address (P2pCertificate *self)
{
  return self->address;
}

const P2pPin *
p2p_certificate_get_pin (P2pCertificate *self)
{
  return &self->pin;
}

const char *
p2p_certificate_get_subject (P2pCertificate *self)
{
  return self->subject != NULL ? self->subject : "";
}

const char *
p2p_certificate_get_issuer (P2pCertificate *self)
{
  return self->issuer != NULL ? self->issuer : "";
}

bool
p2p_certificate_is_self_signed (P2pCertificate *self)
{
  return g_strcmp0 (self->subject, self->issuer) == 0;
}

GDateTime *
p2p_certificate_get_not_before (P2pCertificate *self)
{
  return self->not_before;
}

GDateTime *
p2p_certificate_get_not_after (P2pCertificate *self)
{
  return self->not_after;
}

const char *const *
p2p_certificate_get_names (P2pCertificate *self)
{
  return (const char *const *) self->names;
}

P2pDoubt
p2p_certificate_judge (P2pCertificate *self, const P2pPin *pin)
{
  return p2p_pin_judge (pin, self->certificate, self->address,
                        g_get_real_time () / G_USEC_PER_SEC);
}

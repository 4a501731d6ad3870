# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (C) 2026 The p2pstream developers
"""Certificates for tests, made by openssl in a directory of their own."""

import pathlib
import shutil
import ssl
import subprocess


def available():
    return shutil.which("openssl") is not None


def openssl(*argv, data=None, timeout=60):
    """Standard output of openssl; CalledProcessError with its message."""
    return subprocess.run(("openssl",) + argv, input=data, check=True, timeout=timeout, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE).stdout


class Pair:
    """A certificate (chain) and its key: files, and texts."""

    def __init__(self, crt, key):
        self.crt, self.key = pathlib.Path(crt), pathlib.Path(key)

    @property
    def chain_pem(self):
        return self.crt.read_text()

    @property
    def key_pem(self):
        return self.key.read_text()

    @property
    def der(self):
        """Of the first certificate."""
        end = "-----END CERTIFICATE-----"
        return ssl.PEM_cert_to_DER_cert(self.chain_pem.split(end)[0] + end + "\n")


class Authority(Pair):
    """A CA in that directory that makes certificates."""

    def __init__(self, directory, name="ca"):
        self.dir = pathlib.Path(directory)
        self.n = 0
        super().__init__(self.dir / (name + ".crt"), self.dir / (name + ".key"))
        openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "30", "-subj",
                "/CN=" + name, "-addext", "basicConstraints=critical,CA:true", "-keyout", str(self.key), "-out", str(self.crt))

    def issue(self, *names, rsa=False, expired=False, self_signed=False, purpose=None):
        """A Pair for these DNS names or addresses ("IP:127.0.0.1"). purpose: "serverAuth" or "clientAuth" alone."""
        self.n += 1
        base = self.dir / ("pair-%s-%d" % (self.crt.stem, self.n))
        crt, key, csr, ext = (base.with_suffix(suffix) for suffix in (".crt", ".key", ".csr", ".ext"))
        kind = ["-newkey", "rsa:2048"] if rsa else ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"]
        openssl("req", "-new", *kind, "-nodes", "-subj", "/CN=" + names[0].split(":")[-1][:60], "-keyout", str(key), "-out", str(csr))
        usage = "extendedKeyUsage=%s\n" % purpose if purpose else ""
        ext.write_text("subjectAltName=%s\n%s" % (",".join(name if ":" in name else "DNS:" + name for name in names), usage))
        signer = ["-signkey", str(key)] if self_signed else ["-CA", str(self.crt), "-CAkey", str(self.key), "-CAcreateserial"]
        openssl("x509", "-req", "-in", str(csr), "-days", "-1" if expired else "10", "-extfile", str(ext), "-out", str(crt), *signer)
        return Pair(crt, key)

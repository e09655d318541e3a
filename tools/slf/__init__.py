"""The figures and the table of SLF (Choi et al.), made anew with our transceivers: for people who check the claims.

Everything runs in process on the packaged library. What crosses sockets is measured by `edge-emulator run`.
"""

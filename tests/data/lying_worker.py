# Stands between a host and a real worker, and says something else once the first request has come.
import os, socket, struct, subprocess, sys, threading

host = socket.socket(fileno=os.dup(0))
ours, theirs = socket.socketpair()
# The worker ends with the process that started it, so that is this one.
worker = subprocess.Popen(["REAL", f"--qask-worker={os.getpid()}"], stdin=theirs.fileno(), stdout=subprocess.DEVNULL)
theirs.close()


def frame(of):
    head = of.recv(4, socket.MSG_WAITALL)
    if len(head) < 4:
        os._exit(0)
    return head + of.recv(struct.unpack("<I", head)[0] & 0x7FFFFFFF, socket.MSG_WAITALL)


def answers():
    while True:
        host.sendall(frame(ours))


threading.Thread(target=answers, daemon=True).start()
while True:
    order = frame(host)
    if b'"Submit"' in order[:16]:
        for said in """SAID""".encode().split(b"\n"):
            length = int(said.split()[1]) if said.startswith(b"LENGTH") else len(said)
            host.sendall(struct.pack("<I", length) + said)
        while host.recv(4096):
            pass
        os._exit(0)
    ours.sendall(order)

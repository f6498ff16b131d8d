"""Lines by which what is around a training says why it failed: the image, its registry, the storage, the node.

A line may stand in the service's messages or in the log, because it depends on who prints it. What such a line means
does not depend on the run, so this is a table.
"""

from __future__ import annotations

import re
from typing import NamedTuple


class Symptom(NamedTuple):
    """A kind of line.

    Attributes:
        name: of the cause, for other tools.
        pattern: what the line has.
        likely: what probably went wrong.
        remedy: what to do.
        source: where the line is known from.
    """

    name: str
    pattern: re.Pattern[str]
    likely: str
    remedy: str
    source: str


def _symptom(name: str, pattern: str, likely: str, remedy: str, source: str) -> Symptom:
    return Symptom(name, re.compile(pattern, re.IGNORECASE), likely, remedy, source)


SYMPTOMS = (
    _symptom(
        "image of another architecture",
        r"exec format error|no match(?:ing manifest)? for (?:platform|linux/)|image platform .* does not match",
        "the image was built for another processor architecture",
        "build it for AI Core's nodes: docker build --platform linux/amd64",
        "Linux (ENOEXEC), containerd, Docker",
    ),
    _symptom(
        "pull limit",
        r"toomanyrequests|(?:pull )?rate limit|429 Too Many Requests",
        "the registry refuses to give the image to so many unknown clients",
        "pull with an account (a docker registry secret that imagePullSecrets names), or push the image to a registry"
        " of your own",
        "Docker Hub",
    ),
    _symptom(
        "image runs as root",
        r"runAsNonRoot and image (?:will run as root|has non-numeric user)",
        "the image runs as root, or its user is a name, and AI Core runs neither",
        "end the Dockerfile with a number as user, for example USER 65534, and give that user its folders",
        "Kubernetes (kubelet)",
    ),
    _symptom(
        "registry refuses",
        r"unauthorized: authentication required|pull access denied|authorization failed|denied: requested access",
        "the registry refuses the credentials of the docker registry secret, or there are none",
        "log in with the same credentials by hand, and correct the secret or imagePullSecrets in the workflow",
        "Docker Registry API",
    ),
    _symptom(
        "image does not exist",
        r"manifest unknown|manifest for \S+ not found|repository \S+ not found",
        "the registry has no such image, or not with this tag",
        "correct name and tag of the image in the workflow, or push the image",
        "Docker Registry API",
    ),
    _symptom(
        "no such registry",
        r"Failed to pull image.*no such host|dial tcp: lookup \S+.*no such host",
        "no host has the name of the registry",
        "correct the registry in the name of the image",
        "Go (net)",
    ),
    _symptom(
        "image name is invalid",
        r"InvalidImageName|couldn't parse image (?:reference|name)|invalid reference format",
        "the name of the image cannot be parsed",
        "write it as <registry>/<repository>/<image>:<tag>, in lower case",
        "Kubernetes (kubelet), Docker",
    ),
    _symptom(
        "key of a secret",
        r"couldn't find key \S+ in Secret",
        "a secret that the workflow names has no such key",
        "correct the key in secretKeyRef, or update the secret",
        "Kubernetes (kubelet)",
    ),
    _symptom(
        "resources refused",
        r"exceeded quota|\d+/\d+ nodes are available: |Insufficient (?:nvidia\.com/gpu|cpu|memory)\b",
        "no node has room for what the training requests",
        "run it again later, or request less: a smaller resource plan (label ai.sap.com/resourcePlan), fewer GPUs",
        "Kubernetes (scheduler, quota)",
    ),
    _symptom(
        "deadline exceeded",
        r"active on the node longer than the specified deadline|Step exceeded its deadline|Max duration limit exceeded",
        "the run took longer than the deadline in the workflow allows",
        "raise activeDeadlineSeconds, timeout or the maxDuration of retries in the workflow, or train on less",
        "Kubernetes (kubelet), Argo Workflows",
    ),
    _symptom(
        "storage endpoint",
        r"EndpointConnectionError|Could not connect to the endpoint URL",
        "the storage cannot be reached at the endpoint",
        "correct endpoint (host without bucket) and region of the object-store secret, or of the training's own client",
        "botocore",
    ),
    _symptom(
        "storage keys",
        r"SignatureDoesNotMatch|InvalidAccessKeyId|The AWS Access Key Id you provided|ExpiredToken",
        "the storage refuses the keys",
        "renew the keys in the object-store secret, or those that the training uses itself",
        "Amazon S3 (error codes)",
    ),
    _symptom(
        "storage bucket",
        r"NoSuchBucket|The specified bucket does not exist|AuthorizationHeaderMalformed|PermanentRedirect",
        "the storage has no such bucket, or has it in another region",
        "correct bucket and region of the object-store secret, or of the client in the training",
        "Amazon S3 (error codes)",
    ),
    _symptom(
        "storage permissions",
        r"\(AccessDenied\) when calling|AuthorizationPermissionMismatch|does not have storage\.\w+\.\w+ access",
        "the keys of the storage give no access to that bucket or path",
        "give the owner of the keys the permission, or use the keys of an owner who has it",
        "Amazon S3, Azure and Google Cloud Storage (error codes)",
    ),
    _symptom(
        "storage without keys",
        r"NoCredentialsError|Unable to locate credentials",
        "the training's own client of the storage has no keys",
        "pass them from a secret (env with secretKeyRef), or let AI Core fetch the data as an input artifact",
        "botocore",
    ),
    _symptom(
        "program not executable",
        r"\b\w*sh: (?:line )?(?:\d+: )?\S+: Permission denied|exec: \S+ permission denied",
        "the program that the workflow starts is not executable for its user",
        "add RUN chmod +x to the Dockerfile, or start it by its interpreter, for example sh train.sh",
        "POSIX shells, containerd",
    ),
    _symptom(
        "folder cannot be written",
        r"\[Errno 13\] Permission denied: '/|EACCES: permission denied|mkdir: cannot create .*Permission denied"
        r"|\[Errno 30\] Read-only file system",
        "the program may not write to a folder: it does not run as root",
        "give the folder to the user in the Dockerfile, for example RUN chgrp -R 65534 /app && chmod -R 770 /app",
        "Linux (EACCES); SAP's Dockerfiles",
    ),
    _symptom(
        "package missing in the image",
        r"ModuleNotFoundError: No module named",
        "the image lacks a Python package",
        "add it to the image's requirements, build, push under a new tag, and name that tag in the workflow",
        "Python",
    ),
    _symptom(
        "program missing in the image",
        r"can't open file '/|executable file not found in \$PATH|exec: \"[^\"]+\": (?:stat|no such file)"
        r"|\b\w*sh: (?:line )?(?:\d+: )?\S+: (?:command )?not found|^exec \S+: no such file or directory",
        "the image does not hold the program that the workflow starts, at least not at that path",
        "compare command and args of the workflow with the COPY lines and WORKDIR of the Dockerfile",
        "Python, containerd, POSIX shells",
    ),
    _symptom(
        "no space left",
        r"No space left on device|ephemeral[- ](?:local )?storage.*exceed|exceeds .*ephemeral"
        r"|low on resource: ephemeral",
        "the disk of the node, or the share of the training, is full",
        "write less, delete what is no longer needed, or stream the data",
        "Linux (ENOSPC), Kubernetes",
    ),
    _symptom(
        "no GPU",
        r"Found no NVIDIA driver|no CUDA-capable device|CUDA driver version is insufficient|CUDA error: no kernel",
        "the training wants a GPU, and the node has none that fits",
        "use a resource plan with a GPU (label ai.sap.com/resourcePlan), and a build for its CUDA version",
        "CUDA, PyTorch",
    ),
    _symptom(
        "GPU out of memory",
        r"CUDA out of memory|CUDA_ERROR_OUT_OF_MEMORY|OutOfMemoryError: CUDA",
        "the GPU ran out of memory",
        "use smaller batches, or a resource plan with a larger GPU",
        "CUDA, PyTorch",
    ),
    _symptom(
        "certificate not trusted",
        r"x509: certificate signed by unknown authority|CERTIFICATE_VERIFY_FAILED",
        "a server's certificate is not trusted in the image, or on the node",
        "install the authority's certificate in the image, or use a server with a public one",
        "Go, OpenSSL",
    ),
    _symptom(
        "shared memory",
        r"out of shared memory|killed by signal: Bus error",
        "the shared memory of the container is too small for the data loader",
        "mount an emptyDir volume with medium: Memory at /dev/shm, or load the data without worker processes",
        "PyTorch",
    ),
    _symptom(
        "memory refused",
        r"\bMemoryError\b|_ArrayMemoryError|OOM when allocating tensor|std::bad_alloc|java\.lang\.OutOfMemoryError"
        r"|low on resource: memory",
        "the training asked for more memory than there is",
        "use a larger plan (label ai.sap.com/resourcePlan), or less data at a time",
        "Python, NumPy, TensorFlow, C++, Java, Kubernetes (eviction)",
    ),
    _symptom(
        "native crash",
        r"Segmentation fault|SIGSEGV|core dumped",
        "a native library crashed",
        "compare the versions of packages with native code (PyTorch, NumPy) with each other and with the base image",
        "Linux",
    ),
    _symptom(
        "host not found",
        r"Name or service not known|Temporary failure in name resolution|Could not resolve host",
        "a host that the training calls has no address in the cluster of AI Core",
        "correct its name; a host of a private network cannot be reached from there",
        "glibc, curl",
    ),
)
"""The symptoms, the clearest first."""

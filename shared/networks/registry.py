"""Which networks there are. A new one is one file and one line here (and its name in `NetworkName`)."""

from collections.abc import Mapping

from yarl import URL

from shared.contracts.gateway import NetworkName
from shared.http import HttpClient
from shared.networks.base import Network
from shared.networks.inbound import Inbound
from shared.networks.instagram import Instagram
from shared.networks.telegram import Telegram
from shared.networks.tiktok import TikTok
from shared.networks.vk import Vk
from shared.networks.youtube import YouTube

API_URLS: Mapping[NetworkName, str] = {
    "telegram": "https://api.telegram.org",
    "vk": "https://api.vk.com",
    "instagram": "https://graph.facebook.com",
    "tiktok": "https://business-api.tiktok.com",
    "youtube": "https://www.googleapis.com",
}


def build_networks(api_urls: Mapping[NetworkName, str] = API_URLS) -> dict[NetworkName, Network]:
    """Every network by its name. `api_urls` says where each one's API lives; what is left out is the real one."""
    urls = {**API_URLS, **api_urls}
    networks: list[Network] = [
        Telegram(urls["telegram"]),
        Vk(urls["vk"]),
        Instagram(urls["instagram"]),
        TikTok(urls["tiktok"]),
        YouTube(urls["youtube"]),
        Inbound(),
    ]
    return {network.name: network for network in networks}


def build_client(api_urls: Mapping[NetworkName, str] = API_URLS) -> HttpClient:
    """A client for the networks. Where the operator has put an API on a private address, its host:port is trusted."""
    return HttpClient(trusted=frozenset(f"{url.host}:{url.port}" for url in map(URL, api_urls.values())))

"""The catalogue, as those who keep it see it: products with packs and substitutes, and their categories."""

from datetime import datetime
from decimal import Decimal

from crm_core.rights import Right
from orders.catalogue.commands import (
    ChangedCategory,
    ChangedProduct,
    NewCategory,
    NewProduct,
    ProductQuery,
)
from orders.catalogue.service import CatalogueService
from webui.asked import Asked, Model, Nothing
from webui.routing import CODE, SKU, Route, needs
from webui.views import View


class WantedProduct(NewProduct, Model):
    """A product to enter."""


class WantedProductChange(ChangedProduct, Model):
    """The whole product anew, made from `version`."""


class CatalogueSearch(ProductQuery, Model):
    """Which products to list; `after` is the last code of the page before."""


class WantedProductCategory(NewCategory, Model):
    """A category to enter."""


class WantedProductCategoryChange(ChangedCategory, Model):
    """The whole category anew, made from `version`."""


class PackEntry(View):
    unit: str
    factor: int
    list_price: Decimal | None
    barcode: str | None
    weight_g: int | None
    volume_ml: int | None


class CatalogueItem(View):
    sku: str
    name_zh: str
    name_en: str
    category_code: str | None
    specification: str | None
    attributes: dict[str, str]
    barcode: str | None
    keypad_code: str | None
    unit: str
    list_price: Decimal
    floor_price: Decimal | None
    tax_rate: Decimal
    order_step: int
    shelf_life_days: int | None
    weight_g: int | None
    volume_ml: int | None
    active: bool
    version: int
    changed_at: datetime
    packs: tuple[PackEntry, ...]
    substitutes: tuple[str, ...]


class CatalogueList(View):
    items: tuple[CatalogueItem, ...]


class CatalogueAnswer(View):
    product: CatalogueItem


class ProductCategoryItem(View):
    code: str
    parent_code: str | None
    path: tuple[str, ...]
    name_zh: str
    name_en: str
    active: bool
    version: int


class ProductCategoryList(View):
    items: tuple[ProductCategoryItem, ...]


class ProductCategoryAnswer(View):
    category: ProductCategoryItem


async def search(asked: Asked[Nothing, CatalogueSearch]) -> CatalogueList:
    """Products by code, barcode, name or pinyin, those no longer sold too, in the order of their codes."""
    found = await _service(asked).search(asked.principal, asked.query)
    return CatalogueList(items=tuple(map(CatalogueItem.model_validate, found)))


async def show(asked: Asked[Nothing, Nothing]) -> CatalogueAnswer:
    """One product."""
    found = await _service(asked).get(asked.principal, asked.id)
    return CatalogueAnswer(product=CatalogueItem.model_validate(found))


async def create(asked: Asked[WantedProduct, Nothing]) -> CatalogueAnswer:
    """Enter a product."""
    made = await _service(asked).add(asked.principal, asked.body)
    return CatalogueAnswer(product=CatalogueItem.model_validate(made))


async def change(asked: Asked[WantedProductChange, Nothing]) -> CatalogueAnswer:
    """Change a product; orders keep the prices they have."""
    made = await _service(asked).change(asked.principal, asked.id, asked.body)
    return CatalogueAnswer(product=CatalogueItem.model_validate(made))


async def categories(asked: Asked[Nothing, Nothing]) -> ProductCategoryList:
    """The whole tree in its order, the inactive ones too."""
    found = await _service(asked).categories(asked.principal)
    return ProductCategoryList(items=tuple(map(ProductCategoryItem.model_validate, found)))


async def create_category(asked: Asked[WantedProductCategory, Nothing]) -> ProductCategoryAnswer:
    """Enter a category."""
    made = await _service(asked).add_category(asked.principal, asked.body)
    return ProductCategoryAnswer(category=ProductCategoryItem.model_validate(made))


async def change_category(
    asked: Asked[WantedProductCategoryChange, Nothing],
) -> ProductCategoryAnswer:
    """Change a category; what stands below it comes along."""
    made = await _service(asked).change_category(asked.principal, asked.id, asked.body)
    return ProductCategoryAnswer(category=ProductCategoryItem.model_validate(made))


def _service(asked: Asked[Model, Model]) -> CatalogueService:
    return asked.services.trade.catalogue


_MANAGE = needs(Right.CATALOGUE_MANAGE)
_PRODUCTS, _CATEGORIES = "/api/catalogue/products", "/api/catalogue/categories"

ROUTES = (
    Route("GET", _PRODUCTS, search, _MANAGE, query=CatalogueSearch, answer=CatalogueList),
    Route(
        "POST",
        _PRODUCTS,
        create,
        _MANAGE,
        WantedProduct,
        answer=CatalogueAnswer,
        status=201,
        once=True,
    ),
    Route("GET", f"{_PRODUCTS}/{SKU}", show, _MANAGE, answer=CatalogueAnswer),
    Route(
        "PUT", f"{_PRODUCTS}/{SKU}", change, _MANAGE, WantedProductChange, answer=CatalogueAnswer
    ),
    Route("GET", _CATEGORIES, categories, needs(Right.ORDER_VIEW), answer=ProductCategoryList),
    Route(
        "POST",
        _CATEGORIES,
        create_category,
        _MANAGE,
        WantedProductCategory,
        answer=ProductCategoryAnswer,
        status=201,
        once=True,
    ),
    Route(
        "PUT",
        f"{_CATEGORIES}/{CODE}",
        change_category,
        _MANAGE,
        WantedProductCategoryChange,
        answer=ProductCategoryAnswer,
    ),
)
